"""How every training starts: determinism, dropout, optimizer and loss."""

import contextlib
import random
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework import config as tensorflow_config

from text2image import devices


def make_deterministic() -> None:
    """Makes the same command give the same bytes on a CPU.

    On a GPU, where it costs speed, `--deterministic` does.
    """
    if keras.config.backend() == "tensorflow" and not devices.has_gpu():
        tf.config.experimental.enable_op_determinism()


@contextlib.contextmanager
def deterministic() -> Iterator[None]:
    """Computes as `make_deterministic` says, and then as before.

    TensorFlow does not export its way back. The states of Python's and numpy's
    own generators, which a seeded training sets, are restored too.
    """
    was_enabled = tensorflow_config.is_op_determinism_enabled()
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        make_deterministic()
        yield
    finally:
        if not was_enabled:
            tensorflow_config.disable_op_determinism()
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002


def seed_dropout(model: keras.Model, seed: int, epoch: int) -> None:
    """Sets the generator of every dropout from seed, layer and epoch.

    So a resumed run draws what an uninterrupted one draws. A layer without a
    seed, such as those inside BERT, gets its number for one.
    """
    for number, layer in enumerate(model._flatten_layers()):
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            own = number if layer.seed is None else layer.seed
            generator.state.assign(
                np.array([(1000 * seed + own) % 2**32, epoch], dtype="uint32")
            )


def compile_classifier(
    trained: keras.Model,
    optimizer: keras.optimizers.Optimizer,
) -> None:
    """Compiles a model that returns logits `(N, K)`.

    Without metrics: `steps.Steps` counts them, and Keras would report its own
    in their place if they had the same names.
    """
    trained.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    trained.optimizer.build(trained.trainable_variables)
