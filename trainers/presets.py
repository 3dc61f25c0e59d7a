"""Training's share of the named settings; see `tfrecords.presets`."""

from typing import Any

TRAINING: dict[str, dict[str, Any]] = {
    "demo": {
        "weights": "cifar10",
        "upsample": 1,  # keeps this few features, in half the time
        "l2": 0.1,  # 1,408 texts are overfitted quickly
    },
    # Above 2,000 texts: see trainers/selection/image_route.py.
    "best": {"weights": "cifar10", "l2": 0.1},
    "imdb": {
        "weights": "imagenet",
        "batch_size": 128,  # enough steps, at twice the speed of 32
        "epochs": 6,
    },
    # Three times upsampling, batch normalisation of pixels, Table I.
    "paper": {
        "weights": "imagenet",
        "normalization": "batch",
        "contrast": 1.0,
        "upsample": 3,
        "slice_batch_norm": "training",
        "autoencoder": "paper",
        "lr_schedule": "constant",
        "epochs": 15,
        "eval_every": 50,
        "seed": 42,
    },
}
