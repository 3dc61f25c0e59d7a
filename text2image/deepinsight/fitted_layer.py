"""Base class of Keras layers that are fitted to data, not trained."""

import keras


class FittedLayer(keras.layers.Layer):
    """A layer whose weights a method of its own sets; no gradient does."""

    def __init__(self, **kwargs: object) -> None:
        """Takes the arguments of `keras.layers.Layer` but `trainable`."""
        super().__init__(trainable=False, **kwargs)

    def get_config(self) -> dict[str, object]:
        """Returns the arguments of the constructor."""
        config = super().get_config()
        del config["trainable"]
        return config
