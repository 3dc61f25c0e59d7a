"""Scaler and pixel map as Keras layers: stacks to pictures inside a model.

The same arithmetic as `scaling.Scaler` and `render.Renderer`, in float32 and
in the same order, so that a served model draws what training saw. The fitted
constants are weights that nothing trains.
"""

import keras
import numpy as np

from text2image import pixel_map, scaling


@keras.saving.register_keras_serializable(package="text2image")
class FeatureScaling(keras.layers.Layer):
    """`scaling.Scaler.transform`: `(N, F)` to `(N, F)` in [0, 1]."""

    def __init__(self, kind: str, **kwargs: object) -> None:
        """Keeps the scaler's kind; `set_scaler` sets its constants."""
        super().__init__(trainable=False, **kwargs)
        self.kind = kind

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes `minimum`, `maximum`, `shift`, `inverse_width`, `(F,)`."""
        self.minimum, self.maximum, self.shift, self.inverse_width = (
            self.add_weight(shape=input_shape[1:], trainable=False, name=name)
            for name in ("minimum", "maximum", "shift", "inverse_width")
        )

    def set_scaler(self, scaler: scaling.Scaler) -> None:
        """Sets the constants of a fitted scaler."""
        self.minimum.assign(scaler.minimum.astype(np.float32))
        self.maximum.assign(scaler.maximum.astype(np.float32))
        self.shift.assign(scaler.shift.astype(np.float32))
        self.inverse_width.assign(scaler.inverse_width().astype(np.float32))

    def call(self, rows: keras.KerasTensor) -> keras.KerasTensor:
        """`(N, F)` raw features to `(N, F)` in [0, 1]."""
        scaled = keras.ops.maximum(rows, self.minimum)
        scaled = keras.ops.minimum(scaled, self.maximum)
        if self.kind == "norm2":
            offset = self.minimum + keras.ops.abs(self.minimum) + 1.0
            scaled = keras.ops.log(scaled - self.minimum + offset)
        scaled = (scaled - self.shift) * self.inverse_width
        return keras.ops.clip(scaled, 0.0, 1.0)

    def get_config(self) -> dict[str, object]:
        """What `from_config` needs."""
        config = super().get_config()
        del config["trainable"]
        return {**config, "kind": self.kind}


@keras.saving.register_keras_serializable(package="text2image")
class PixelAveraging(keras.layers.Layer):
    """`PixelMap.averaging_matrix`: `(N, F)` to `(N, H, W, 1)`.

    The matrix has one entry a feature, so it is kept as two vectors: the
    feature's pixel, and its share 1/n among the n features there.
    """

    def __init__(self, height: int, width: int, **kwargs: object) -> None:
        """Keeps the picture's size; `set_map` sets the map."""
        super().__init__(trainable=False, **kwargs)
        self.height = height
        self.width = width

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes `pixel`, row * W + col, and `share`, both `(F,)`."""
        shape = input_shape[1:]
        self.pixel = self.add_weight(
            shape=shape,
            dtype="int32",
            initializer="zeros",
            trainable=False,
            name="pixel",
        )
        self.share = self.add_weight(
            shape=shape, initializer="ones", trainable=False, name="share"
        )

    def set_map(self, fitted: pixel_map.PixelMap) -> None:
        """Sets pixels and shares of a fitted map."""
        pixel = fitted.pixel_index
        self.pixel.assign(pixel.astype(np.int32))
        counts = fitted.density().ravel()[pixel]
        self.share.assign((1.0 / counts).astype(np.float32))

    def call(self, rows: keras.KerasTensor) -> keras.KerasTensor:
        """`(N, F)` scaled features to pictures; empty pixels are 0."""
        pixels = keras.ops.segment_sum(
            keras.ops.transpose(rows * self.share),
            self.pixel,
            num_segments=self.height * self.width,
        )
        return keras.ops.reshape(
            keras.ops.transpose(pixels), (-1, self.height, self.width, 1)
        )

    def get_config(self) -> dict[str, object]:
        """What `from_config` needs."""
        config = super().get_config()
        del config["trainable"]
        return {**config, "height": self.height, "width": self.width}


def build_drawing(
    fitted: pixel_map.PixelMap, stack_shape: tuple[int, int]
) -> keras.Model:
    """Builds `render.Renderer` as a model.

    Args:
        fitted: The map and its scaler.
        stack_shape: (L, D); L * D features.

    Returns:
        A model `(N, L, D)` stacks to `(N, H, W, 1)` pictures, float32.

    Raises:
        ValueError: If the map was fitted on another number of features.
    """
    num_features = stack_shape[0] * stack_shape[1]
    if num_features != fitted.num_features:
        raise ValueError(
            f"The pixel map takes {fitted.num_features} features. Received: "
            f"stacks {stack_shape}, {num_features} features. Use the encoder "
            "and the layers that the map was fitted with."
        )
    height, width = fitted.image_shape
    scaling_layer = FeatureScaling(fitted.scaler.kind, name="scaling")
    averaging = PixelAveraging(height, width, name="averaging")
    stack = keras.Input(stack_shape, name="stack")
    rows = keras.layers.Reshape((num_features,), name="features")(stack)
    image = averaging(scaling_layer(rows))
    scaling_layer.set_scaler(fitted.scaler)
    averaging.set_map(fitted)
    return keras.Model(stack, image, name="drawing")
