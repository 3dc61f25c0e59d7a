"""What the model returns for an image: probabilities, and how novel it is."""

import keras
import numpy as np
import tensorflow as tf

from trainers.runs.train_images import TrainImages
from trainers.serving.functions import Tensors

# Of a pixel from the mean, so that no square overflows.
_FARTHEST = 1e6


class ImageOutputs:
    """The outputs for images, packed in a row each: loops return one tensor.

    Attributes:
        shape: Shape of the rows, `(None, K)` or, with novelty, `(None, K + 1)`.
        constants: Variables that are read besides those of the model.
    """

    def __init__(self, model: keras.Model, known: TrainImages | None) -> None:
        """Keeps the model and what is known of its train images.

        Args:
            model: Images `(N, H, W, C)` to logits `(N, K)`.
            known: As of `text_classifier.Parts`.
        """
        self._model = model
        self.constants: list[tf.Variable] = []
        if known is not None and len(known.quantiles):
            self.constants = [
                tf.Variable(value, trainable=False, name=f"train_images_{name}")
                for name, value in (
                    ("mean", known.mean),
                    ("pixels", known.pixels),
                    ("directions", known.directions),
                    ("excess", known.excess),
                    ("residual_variance", known.residual_variance),
                    ("quantiles", known.quantiles),
                )
            ]
        has_novelty = bool(self.constants)
        self.shape = (None, model.output_shape[1] + has_novelty)

    def pack(self, images: tf.Tensor) -> tf.Tensor:
        """Images `(n, H, W, C)` to rows `(n, ...)` float32."""
        logits = self._model(images, training=False)
        probabilities = keras.ops.softmax(logits, axis=-1)
        if not self.constants:
            return probabilities
        novelty = self._novelty(images)[:, tf.newaxis]
        return tf.concat([probabilities, novelty], axis=1)

    def unpack(self, rows: tf.Tensor) -> Tensors:
        """Rows `(N, ...)` to `probabilities` (N, K) and `novelty` (N,)."""
        if not self.constants:
            return {"probabilities": rows}
        return {"probabilities": rows[:, :-1], "novelty": rows[:, -1]}

    def _novelty(self, images: tf.Tensor) -> tf.Tensor:
        """`TrainImages.novelty`, `(n,)` float32."""
        mean, pixels, directions, excess, residual_variance, quantiles = (
            self.constants
        )
        differences = tf.clip_by_value(images - mean, -_FARTHEST, _FARTHEST)
        differences = tf.reshape(differences, [-1, np.prod(mean.shape)])
        along = tf.matmul(
            tf.gather(differences, pixels, axis=1), directions, transpose_b=True
        )
        squares = tf.reduce_sum(differences**2, axis=1) / residual_variance
        squares += tf.linalg.matvec(along**2, excess)
        distances = tf.sqrt(tf.maximum(squares, 0.0))
        nearer = tf.searchsorted(quantiles, distances)
        return tf.cast(nearer, tf.float32) / quantiles.shape[0]
