"""What a training step measures on its examples before it changes weights."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

# Inputs, labels `(n,)` and logits `(n, K)` to a scalar.
Loss = Callable[[Any, tf.Tensor, tf.Tensor], tf.Tensor]
FIGURES = ("loss", "cross_entropy", "accuracy", "num_examples")


def loss_of(model: keras.Model, class_weight: tuple[float, ...]) -> Loss:
    """Returns the loss that a step lowers, with the penalties of the model.

    Args:
        model: The compiled model.
        class_weight: Factor of the loss of an example, by its class; all 1 if
            empty. The sum is divided by the number of examples.
    """

    def loss(values: Any, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        weights = None
        if class_weight:
            weights = tf.gather(tf.constant(class_weight), labels)
        return model.compute_loss(
            values, labels, logits, sample_weight=weights, training=True
        )

    return loss


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
    # Without penalties and class weights, so that it is comparable with the
    # loss of a validation.
    cross_entropy = model.loss(labels, logits)
    hits = keras.metrics.sparse_categorical_accuracy(labels, logits)
    count = tf.cast(tf.shape(labels)[0], tf.float32)
    figures = [loss, cross_entropy, tf.reduce_mean(hits), count]
    return tf.stack([tf.cast(figure, tf.float32) for figure in figures])
