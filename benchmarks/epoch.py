"""A training epoch on cached maps, and with the slice run every step.

    python -m benchmarks.epoch --backbone=vgg16 --backbone=resnet

The same Keras model both ways, random weights, random pictures of 50 x 50,
batches of 32; a few steps are timed in turn and scaled to an epoch. What the
cache costs once (every picture through the slice) stands beside. Work is
counted from the layers, a step as three forward passes of what trains, and
set against a plain `tf.matmul` in the same rounds.
"""

import functools
from typing import Any

import numpy as np

from benchmarks import measuring


def build(name: str, batch: int, preset: str) -> tuple[Any, Any, float, float]:
    """Returns models, a batch of pictures, and the operations of a step.

    Both halves are compiled as in training. The operations are those of the
    cached step and of the slice alone.
    """
    import keras

    from trainers import config
    from trainers.network import model, optimizer

    settings: dict[str, Any] = {}
    if preset == "paper":
        settings = {"autoencoder": "paper", "upsample": 3}
    made = config.TrainConfig(backbone=name, weights="random", **settings)
    models = model.build_models(made, (50, 50, 1), 2)
    for trained in (models.classifier, models.whole):
        trained.compile(
            optimizer=optimizer.PartwiseAdam(made.learning_rates),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
    images = np.random.default_rng(0).random((batch, 50, 50, 1), np.float32)
    frozen, trained_half = measuring.model_flops(models)
    return models, images, 3 * batch * trained_half, batch * frozen


def main() -> None:
    """Prints one row per backbone."""
    from trainers import backbones

    made = measuring.parser(__doc__, rounds=5)
    made.add_argument(
        "--backbone", action="append", choices=tuple(backbones.BACKBONES)
    )
    made.add_argument("--batch", type=int, default=32)
    made.add_argument("--images", type=int, default=40_000, help="an epoch")
    made.add_argument(
        "--preset", choices=("default", "paper"), default="default"
    )
    flags = made.parse_args()

    measuring.start(flags)
    labels = np.arange(flags.batch) % 2
    steps = flags.images / flags.batch
    rows = []
    for name in flags.backbone or backbones.BACKBONES:
        models, images, train_flops, slice_flops = build(
            name, flags.batch, flags.preset
        )
        cached = models.features.predict_on_batch(images)
        calls: dict[str, measuring.Call] = {
            "cached": functools.partial(
                models.classifier.train_on_batch, cached, labels
            ),
            "whole": functools.partial(
                models.whole.train_on_batch, images, labels
            ),
            "slice": functools.partial(
                models.features.predict_on_batch, images
            ),
            "matmul": measuring.matmul(),
        }
        seconds = measuring.alternate(calls, flags.rounds, flags.clock)
        limit = measuring.MATMUL_FLOPS / seconds["matmul"]
        rows.append(
            (
                name,
                measuring.number(steps * seconds["cached"]),
                measuring.number(steps * seconds["whole"]),
                measuring.ratio(seconds["whole"], seconds["cached"]),
                measuring.number(steps * seconds["slice"]),
                f"{train_flops / seconds['cached'] / limit:.0%}",
                f"{slice_flops / seconds['slice'] / limit:.0%}",
            )
        )
    print(f"seconds of an epoch of {flags.images} pictures of 50 x 50\n")
    measuring.print_table(
        ("backbone", "cached", "slice every step", "ratio", "cache, once",
         "cached, of matmul's rate", "slice, of matmul's rate"),
        rows,
    )  # fmt: skip


if __name__ == "__main__":
    main()
