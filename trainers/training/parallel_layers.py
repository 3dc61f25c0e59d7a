"""Layers whose result for an example depends on the others of the batch.

Split over replicas, they give what one device gives for the whole batch: a
dropout draws its rows of the mask of the whole batch, a batch norm takes its
statistics over all replicas.
"""

import contextlib
import contextvars
import math
from collections.abc import Callable, Iterator

import keras
import tensorflow as tf

# Random numbers per value of Philox's counter, and its number in TensorFlow,
# which takes it on CPUs and GPUs.
_PER_COUNT = 4
_PHILOX = 1


# Number of a replica's first example in the batch, scalar int32. Each replica
# is traced in a thread of its own, which starts without a value.
START: contextvars.ContextVar[tf.Tensor] = contextvars.ContextVar("start")


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
        uniform = uniform_rows(
            layer.seed_generator.next(),
            START.get(),
            tf.shape(inputs)[0],
            inputs.shape[1:],
            inputs.dtype,
        )
        kept = inputs * tf.cast(1 / (1 - layer.rate), inputs.dtype)
        return tf.where(uniform >= layer.rate, kept, 0)

    return call


def uniform_rows(
    seed: tf.Tensor,
    start: tf.Tensor,
    count: tf.Tensor,
    row_shape: tuple[int, ...],
    dtype: tf.DType,
) -> tf.Tensor:
    """Returns some rows of what `tf.random.stateless_uniform` would return.

    Philox (Salmon et al. 2011) computes the numbers at any place from a
    counter, which counts fours of them: nothing before the rows is computed.

    Args:
        seed: `(2,)` integers, as a `keras.random.SeedGenerator` gives them.
        start: Number of the first row, scalar int32.
        count: Number of rows, scalar int32.
        row_shape: Shape of a row.
        dtype: Type of the numbers.

    Returns:
        `(count, *row_shape)`, uniform in [0, 1).
    """
    # As Keras: `stateless` operations take int32.
    seed = tf.cast(tf.math.floormod(seed, tf.int32.max - 1), tf.int32)
    key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed)
    size = math.prod(row_shape)
    first = tf.cast(start, tf.int64) * size
    skipped = tf.cast(first % _PER_COUNT, tf.int32)
    numbers = tf.raw_ops.StatelessRandomUniformV2(
        shape=[count * size + skipped],
        key=key,
        counter=counter + tf.cast([first // _PER_COUNT, 0], tf.uint64),
        alg=_PHILOX,
        dtype=dtype,
    )
    return tf.reshape(numbers[skipped:], (-1, *row_shape))
