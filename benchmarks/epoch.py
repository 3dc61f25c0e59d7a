"""Times an epoch on cached features, and with the slice run every step.

    python -m benchmarks.epoch --backbone=vgg16 --backbone=resnet

The same Keras model both ways, random weights, random images of 50 x 50,
batches of 32; a few steps are timed in turn and scaled to an epoch. The table
also gives the time to fill the cache (every image through the slice), which is
spent once. Operations are counted from the layers, a step as three forward
passes of what trains, and compared with a plain `tf.matmul` in the same
rounds.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks import command, measuring, operations, printing
from trainers import backbones, config


def build(name: str, batch: int, preset: str) -> tuple[Any, Any, float, float]:
    """Builds what is timed.

    Args:
        name: Key of `BACKBONES`.
        batch: Images per step.
        preset: `default` or `paper`.

    Returns:
        The models, both halves compiled as in training; a batch of images;
        operations of a cached step; operations of the slice.
    """
    import keras

    from trainers.network import model, optimizer

    settings: dict[str, Any] = {}
    if preset == "paper":
        settings = {"autoencoder": "paper", "upsample": 3}
    train = config.TrainConfig(backbone=name, weights="random", **settings)
    models = model.build_models(train, (50, 50, 1), 2)
    for trained in (models.classifier, models.whole):
        trained.compile(
            optimizer=optimizer.PartwiseAdam(train.learning_rates),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
    images = np.random.default_rng(0).random((batch, 50, 50, 1), np.float32)
    frozen, trained_half = operations.model_flops(models)
    return models, images, 3 * batch * trained_half, batch * frozen


def main(argv: Sequence[str] | None = None) -> None:
    """Prints one row per backbone."""
    parser = command.parser(__doc__, rounds=5)
    parser.add_argument(
        "--backbone", action="append", choices=tuple(backbones.BACKBONES)
    )
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--images", type=int, default=40_000, help="Per epoch.")
    parser.add_argument(
        "--preset", choices=("default", "paper"), default="default"
    )
    flags = parser.parse_args(argv)

    command.start(flags)
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
            "matmul": operations.matmul(),
        }
        seconds = measuring.alternate(calls, flags.rounds, flags.clock)
        limit = operations.MATMUL_FLOPS / seconds["matmul"]
        rows.append(
            (
                name,
                printing.number(steps * seconds["cached"]),
                printing.number(steps * seconds["whole"]),
                printing.ratio(seconds["whole"], seconds["cached"]),
                printing.number(steps * seconds["slice"]),
                f"{train_flops / seconds['cached'] / limit:.0%}",
                f"{slice_flops / seconds['slice'] / limit:.0%}",
            )
        )
    print(f"seconds per epoch of {flags.images} images of 50 x 50\n")
    printing.print_table(
        ("backbone", "cached", "slice every step", "ratio", "cache, once",
         "cached, of matmul's rate", "slice, of matmul's rate"),
        rows,
    )  # fmt: skip


if __name__ == "__main__":
    main()
