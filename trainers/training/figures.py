"""What a training step measures on its examples before it changes weights."""

import keras
import tensorflow as tf

FIGURES = ("loss", "cross_entropy", "accuracy", "num_examples")


def measure(
    model: keras.Model, loss: tf.Tensor, labels: tf.Tensor, logits: tf.Tensor
) -> tf.Tensor:
    """Returns the `FIGURES`, `(4,)` float32; means over the examples.

    Args:
        model: The compiled model.
        loss: Its loss with the penalties that it adds.
        labels: `(n,)` integers.
        logits: `(n, K)`.
    """
    # Without the penalties, so that it is comparable with the loss of a
    # validation.
    cross_entropy = model.loss(labels, logits)
    hits = keras.metrics.sparse_categorical_accuracy(labels, logits)
    count = tf.cast(tf.shape(labels)[0], tf.float32)
    figures = [loss, cross_entropy, tf.reduce_mean(hits), count]
    return tf.stack([tf.cast(figure, tf.float32) for figure in figures])
