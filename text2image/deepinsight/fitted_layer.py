"""The base class of Keras layers that are fitted to data, not trained."""

import keras
import numpy as np
import tensorflow as tf


class FittedLayer(keras.layers.Layer):
    """A layer whose weights are set by one of its methods, not by gradients.

    `compute_output_shape` of a subclass lets Keras build models without a call,
    which an unfitted layer refuses.
    """

    def __init__(self, **kwargs: object) -> None:
        """Takes the arguments of `keras.layers.Layer` except `trainable`."""
        super().__init__(trainable=False, **kwargs)
        self._is_fitted = False

    def refuse_unfitted(self, *weights: keras.Variable) -> None:
        """Refuses to compute with weights that nothing has set.

        Args:
            *weights: Those of which some value is not 0 once they are set.

        Raises:
            ValueError: If all values are 0.
        """
        if self._is_fitted:
            return
        with tf.init_scope():  # reads values, also while a graph is traced
            self._is_fitted = any(
                np.any(keras.ops.convert_to_numpy(weight)) for weight in weights
            )
        if not self._is_fitted:
            raise ValueError(
                f"The layer {self.name!r} is not fitted, so the model's "
                "answers would mean nothing. Load a trained run "
                "(`trainers.load(RUN)`), train one "
                "(`trainers.training.train.train_and_evaluate`), or call the "
                "layer's `fit`."
            )

    def get_config(self) -> dict[str, object]:
        """Returns the arguments of the constructor."""
        config = super().get_config()
        del config["trainable"]
        return config
