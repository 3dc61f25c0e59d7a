"""Times an epoch on cached features, and with the slice run every step.

    python -m benchmarks.epoch --backbone=vgg16 --backbone=resnet

The same Keras model both ways, random weights, random images of 50 x 50,
batches of 32; a few steps are timed in turn and scaled to an epoch. "cached"
are the steps of a training on features that lie on the device, beside a
`train_on_batch` for each; "waiting" is the share of the time that steps wait
for features read from a file. The table
also gives the time to fill the cache (every image through the slice), which is
spent once. Operations are counted from the layers, a step as three forward
passes of what trains, and compared with a plain `tf.matmul` in the same
rounds.
"""

import functools
import pathlib
import tempfile
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
    operations.set_fitted(models.features)
    for trained in (models.classifier, models.whole):
        trained.compile(
            optimizer=optimizer.PartwiseAdam(train.learning_rates),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
    images = np.random.default_rng(0).random((batch, 50, 50, 1), np.float32)
    frozen, trained_half = operations.model_flops(models)
    return models, images, 3 * batch * trained_half, batch * frozen


# Steps of one execution.
_STEPS = 40


def executions(
    model: Any, cached: np.ndarray, path: pathlib.Path
) -> dict[str, measuring.Call]:
    """Returns executions of `_STEPS` steps, by where the features lie.

    Args:
        model: The compiled half that trains.
        cached: Features of a batch.
        path: File to write features to.
    """
    import tensorflow as tf

    from trainers.training import sources, steps
    from trainers.training.inputs import Inputs, RowFile

    values = np.concatenate([cached] * _STEPS)
    np.save(path, values)
    labels = (np.arange(len(values)) % 2).astype(np.int32)
    ids = [str(index) for index in range(len(values))]
    order = sources.Order(len(values), len(cached), seed=0)
    calls: dict[str, measuring.Call] = {}
    for name, rows in (("resident", values), ("file", RowFile(path))):
        source = sources.from_inputs(Inputs(rows, labels, ids), order)
        run = steps.Steps(model, source).run
        iterator = iter(source.dataset(0, 1).repeat())
        calls[name] = functools.partial(
            lambda run, iterator: run(iterator, tf.constant(_STEPS)).numpy(),
            run,
            iterator,
        )
    return calls


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
    scratch = tempfile.TemporaryDirectory()
    path = pathlib.Path(scratch.name) / "features.npy"
    for name in flags.backbone or backbones.BACKBONES:
        models, images, train_flops, slice_flops = build(
            name, flags.batch, flags.preset
        )
        cached = models.features.predict_on_batch(images)
        calls: dict[str, measuring.Call] = {
            **executions(models.classifier, cached, path),
            "train_on_batch": functools.partial(
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
        seconds["cached"] = seconds["resident"] / _STEPS
        waiting = max(0.0, 1 - seconds["resident"] / seconds["file"])
        limit = operations.MATMUL_FLOPS / seconds["matmul"]
        rows.append(
            (
                name,
                printing.number(steps * seconds["cached"]),
                printing.number(steps * seconds["train_on_batch"]),
                f"{waiting:.0%}",
                printing.number(steps * seconds["whole"]),
                printing.ratio(seconds["whole"], seconds["cached"]),
                printing.number(steps * seconds["slice"]),
                f"{train_flops / seconds['cached'] / limit:.0%}",
                f"{slice_flops / seconds['slice'] / limit:.0%}",
            )
        )
    scratch.cleanup()
    print(f"seconds per epoch of {flags.images} images of 50 x 50\n")
    printing.print_table(
        ("backbone", "cached", "train_on_batch", "waiting",
         "slice every step", "ratio", "cache, once",
         "cached, of matmul's rate", "slice, of matmul's rate"),
        rows,
    )  # fmt: skip


if __name__ == "__main__":
    main()
