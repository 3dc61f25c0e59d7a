"""Layers whose result for an example depends on the others of the batch.

Split over replicas, they give what one device gives for the whole batch: a
dropout draws the mask of the whole batch and cuts its rows out, a batch norm
takes its statistics over all replicas.
"""

import contextlib
import contextvars
import dataclasses
from collections.abc import Callable, Iterator

import keras
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the examples of a replica are in the batch.

    Attributes:
        start: Number of the first, scalar int32.
        size: Examples of the batch, scalar int32.
    """

    start: tf.Tensor
    size: tf.Tensor


# Each replica is traced in a thread of its own, which starts without a value.
PLACE: contextvars.ContextVar[Place] = contextvars.ContextVar("place")


@contextlib.contextmanager
def over_the_whole_batch(model: keras.Model) -> Iterator[None]:
    """Changes the layers of a model for what is traced meanwhile."""
    dropouts = [x for x in model.layers if isinstance(x, keras.layers.Dropout)]
    norms = [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    before = [norm.synchronized for norm in norms]
    try:
        for layer in dropouts:
            layer.call = _cut_dropout(layer)
        for norm in norms:
            norm.synchronized = True
        yield
    finally:
        for layer in dropouts:
            del layer.call
        for norm, value in zip(norms, before, strict=True):
            norm.synchronized = value


def _cut_dropout(layer: keras.layers.Dropout) -> Callable[..., tf.Tensor]:
    def call(inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training or not layer.rate:
            return inputs
        place = PLACE.get()
        shape = tf.concat([[place.size], tf.shape(inputs)[1:]], 0)
        # Ones to 0 or 1 / (1 - rate), by the generator of the whole batch.
        mask = keras.random.dropout(
            tf.ones(shape, inputs.dtype), layer.rate, seed=layer.seed_generator
        )
        stop = place.start + tf.shape(inputs)[0]
        return inputs * tf.ensure_shape(mask[place.start : stop], inputs.shape)

    return call
