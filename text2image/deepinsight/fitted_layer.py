"""The base class of Keras layers that are fitted to data, not trained."""

import keras


class FittedLayer(keras.layers.Layer):
    """A layer whose weights are set by one of its methods, not by gradients."""

    def __init__(self, **kwargs: object) -> None:
        """Takes the arguments of `keras.layers.Layer` except `trainable`."""
        super().__init__(trainable=False, **kwargs)

    def get_config(self) -> dict[str, object]:
        """Returns the arguments of the constructor."""
        config = super().get_config()
        del config["trainable"]
        return config
