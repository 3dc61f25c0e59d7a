"""Times an epoch of Im2Vec's training and its two matrix products.

    python -m benchmarks.im2vec --images=50000 --classes=10

The limit is the time of the products alone, X W1^T and G^T X of every batch, in
TensorFlow's fastest form, on float32 in memory; the epoch gathers its bytes
in memory, scales them and takes every step. Keras's Dense layer, whose
gradient is X^T G, is timed too. All take turns; the best round of each counts,
which other programs on the machine disturbed least. Processor time is given as
well as wall time, for loaded machines.
"""

import math
import os
import pathlib
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks import command, printing
from trainers.im2vec.config import Im2VecConfig

_SHAPE = (32, 32, 3)
_PIXELS = math.prod(_SHAPE)


def random_split(path: pathlib.Path, count: int, classes: int) -> Any:
    """Random bytes in a memory map, as `image_store` leaves them."""
    from trainers.im2vec import image_store

    rng = np.random.default_rng(0)
    rng.integers(0, 256, (count, _PIXELS), dtype=np.uint8).tofile(path)
    return image_store.Split(
        np.memmap(path, np.uint8, mode="r", shape=(count, _PIXELS)),
        rng.integers(0, classes, count),
    )


def dense_model(classes: int) -> Any:
    """The same network, built of Keras's layers."""
    import keras

    pixels = keras.Input((_PIXELS,), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(pixels)
    x = keras.layers.Dense(classes)(x)
    return keras.Model(pixels, keras.layers.Dense(classes)(x))


def im2vec_model(classes: int) -> Any:
    """The network of `trainers.im2vec`."""
    from trainers.im2vec import model

    return model.build_model(
        _SHAPE,
        "uint8",
        classes,
        hidden=classes,
        scale=np.full(3, 1 / 64),
        offset=np.full(3, -2.0),
        seed=0,
    )


def epoch_of(
    network: Any, split: Any, config: Im2VecConfig
) -> Callable[[], None]:
    """Returns a call that trains for one epoch."""
    import tensorflow as tf

    from trainers.im2vec import recipe, train
    from trainers.training.steps import Steps

    recipe.compile_network(network, config)
    source = train.source_of(split, config.batch_size, 0)
    run = Steps(network, source, jit_compile=True).run
    elements = iter(source.dataset(0, 1).repeat())
    num_steps = tf.constant(source.num_steps)
    return lambda: run(elements, num_steps).numpy()


def products_of(
    split: Any, config: Im2VecConfig, classes: int
) -> Callable[[], None]:
    """Returns a call with the products of one epoch, always on one batch."""
    import tensorflow as tf

    rng = np.random.default_rng(1)
    x = tf.constant(split.pixels[: config.batch_size] / 255, tf.float32)
    kernel = tf.constant(rng.normal(size=(_PIXELS, classes)), tf.float32)
    gradient = tf.constant(
        rng.normal(size=(config.batch_size, classes)), tf.float32
    )
    steps = math.ceil(len(split.labels) / config.batch_size)

    def products() -> None:
        for _ in range(steps):
            tf.matmul(x, kernel)
            last = tf.matmul(gradient, x, transpose_a=True)
        last.numpy()

    return products


def best(
    calls: dict[str, Callable[[], None]], rounds: int
) -> dict[str, tuple[float, float]]:
    """Least wall and processor seconds of each, after one call to warm up."""
    least = {name: (math.inf, math.inf) for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            wall, processor = time.perf_counter(), time.process_time()
            call()
            wall = time.perf_counter() - wall
            processor = time.process_time() - processor
            if number:
                least[name] = (
                    min(least[name][0], wall),
                    min(least[name][1], processor),
                )
    return least


def main(argv: Sequence[str] | None = None) -> None:
    """Prints one row for each form."""
    parser = command.parser(
        __doc__, rounds=10, without=("device", "threads", "clock")
    )
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--batch", type=int, default=512)
    flags = parser.parse_args(argv)
    command.prepare(flags)
    config = Im2VecConfig(dataset="-", batch_size=flags.batch)
    classes = flags.classes
    with tempfile.TemporaryDirectory() as folder:
        split = random_split(
            pathlib.Path(folder) / "pixels", flags.images, classes
        )
        seconds = best(
            {
                "the two products alone": products_of(split, config, classes),
                "epoch": epoch_of(im2vec_model(classes), split, config),
                "epoch, keras Dense": epoch_of(
                    dense_model(classes), split, config
                ),
            },
            flags.rounds,
        )
    limit = seconds["the two products alone"]
    print(
        f"{flags.images} images of {_SHAPE}, {classes} classes, batch "
        f"{flags.batch}, {len(os.sched_getaffinity(0))} cores\n"
    )
    printing.print_table(
        ("", "wall s", "limit / wall", "processor s", "limit / processor"),
        [
            (
                name,
                printing.number(wall, 3),
                printing.ratio(limit[0], wall),
                printing.number(processor, 3),
                printing.ratio(limit[1], processor),
            )
            for name, (wall, processor) in seconds.items()
        ],
    )


if __name__ == "__main__":
    main()
