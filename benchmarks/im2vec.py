"""Times an epoch of Im2Vec's training beside its two matrix products.

    python -m benchmarks.im2vec --images=50000 --classes=10

The limit is what the processor needs for the products alone, X W1^T and
G^T X of every batch, by TensorFlow's fastest form of them on float32 that lies
in memory; the epoch reads shuffled bytes from a memory map, scales them and
takes every step. Keras' own Dense layer, whose gradient is X^T G, is timed as
well. All take turns; the best round of each counts, the one that others on the
machine disturbed least. Processor time is given beside wall time, for loaded
machines.
"""

import argparse
import math
import os
import pathlib
import tempfile
import time
from collections.abc import Callable

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as every program
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf

from trainers.im2vec import image_store, model, train
from trainers.im2vec.config import Im2VecConfig

_SHAPE = (32, 32, 3)
_PIXELS = math.prod(_SHAPE)


def random_split(
    path: pathlib.Path, count: int, classes: int
) -> image_store.Split:
    """Random bytes in a memory map, as `prepare_images` leaves them."""
    rng = np.random.default_rng(0)
    rng.integers(0, 256, (count, _PIXELS), dtype=np.uint8).tofile(path)
    return image_store.Split(
        np.memmap(path, np.uint8, mode="r", shape=(count, _PIXELS)),
        rng.integers(0, classes, count),
    )


def dense_model(classes: int) -> keras.Model:
    """The same network of Keras' own layers."""
    pixels = keras.Input((_PIXELS,), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(pixels)
    x = keras.layers.Dense(classes)(x)
    return keras.Model(pixels, keras.layers.Dense(classes)(x))


def own_model(classes: int) -> keras.Model:
    """The network of `trainers.im2vec`."""
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
    network: keras.Model, split: image_store.Split, config: Im2VecConfig
) -> Callable[[], None]:
    """A function that trains for an epoch."""
    optimizer = keras.optimizers.SGD(1e-3, momentum=config.momentum)
    optimizer.build(network.trainable_variables)
    run_block = train.compile_block(network, optimizer, config)

    def epoch() -> None:
        for block in train.epoch_blocks(split, config.batch_size, 0, 0):
            run_block(*block).numpy()

    return epoch


def products_of(
    split: image_store.Split, config: Im2VecConfig, classes: int
) -> Callable[[], None]:
    """A function that takes an epoch's products, on one batch again."""
    rng = np.random.default_rng(1)
    x = tf.constant(split.pixels[: config.batch_size] / 255, tf.float32)
    kernel = tf.constant(rng.normal(size=(_PIXELS, classes)), tf.float32)
    back = tf.constant(
        rng.normal(size=(config.batch_size, classes)), tf.float32
    )
    steps = math.ceil(len(split.labels) / config.batch_size)

    def products() -> None:
        for _ in range(steps):
            tf.matmul(x, kernel)
            last = tf.matmul(back, x, transpose_a=True)
        last.numpy()

    return products


def best(
    functions: dict[str, Callable[[], None]], rounds: int
) -> dict[str, tuple[float, float]]:
    """Least wall and processor seconds of each, after one call to warm up."""
    found = {name: (math.inf, math.inf) for name in functions}
    for number in range(rounds + 1):
        for name, function in functions.items():
            wall, processor = time.perf_counter(), time.process_time()
            function()
            spent = time.perf_counter() - wall, time.process_time() - processor
            if number:
                found[name] = (
                    min(found[name][0], spent[0]),
                    min(found[name][1], spent[1]),
                )
    return found


def main() -> None:
    """Prints one row for each form."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    config = Im2VecConfig(dataset="-", batch_size=arguments.batch)
    classes = arguments.classes
    with tempfile.TemporaryDirectory() as folder:
        split = random_split(
            pathlib.Path(folder) / "pixels", arguments.images, classes
        )
        found = best(
            {
                "the two products alone": products_of(split, config, classes),
                "epoch": epoch_of(own_model(classes), split, config),
                "epoch, keras Dense": epoch_of(
                    dense_model(classes), split, config
                ),
            },
            arguments.rounds,
        )
    limit = found["the two products alone"]
    print(
        f"{arguments.images} images of {_SHAPE}, {classes} classes, batch "
        f"{arguments.batch}, {len(os.sched_getaffinity(0))} cores\n\n"
        "| | wall s | limit / wall | processor s | limit / processor |\n"
        "| --- | --- | --- | --- | --- |"
    )
    for name, (wall, processor) in found.items():
        print(
            f"| {name} | {wall:.3f} | {limit[0] / wall:.2f} | "
            f"{processor:.3f} | {limit[1] / processor:.2f} |"
        )


if __name__ == "__main__":
    main()
