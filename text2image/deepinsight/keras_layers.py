"""Scaler and pixel map as Keras layers: stacks to images inside a model.

The same arithmetic as `scaling.Scaler` and `render.Renderer`, in float32 and
in the same order, so that a served model draws the images of the training.
The fitted constants are weights that are not trained.
"""

import math

import keras
import numpy as np

from text2image.deepinsight import pixel_map, scaling
from text2image.deepinsight.fitted_layer import FittedLayer


@keras.saving.register_keras_serializable(package="text2image")
class FeatureScaling(FittedLayer):
    """`scaling.Scaler.transform` as a layer: `(N, F)` to `(N, F)` in [0, 1]."""

    def __init__(self, kind: str, **kwargs: object) -> None:
        """Takes the kind of the scaler; `set_scaler` sets its constants."""
        super().__init__(**kwargs)
        self.kind = kind

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Adds `minimum`, `maximum`, `shift`, `inverse_width`, each `(F,)`."""
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
        """Scales `(N, F)` raw features to [0, 1]."""
        self.refuse_unfitted(self.minimum, self.maximum)
        scaled = keras.ops.maximum(rows, self.minimum)
        scaled = keras.ops.minimum(scaled, self.maximum)
        if self.kind == "norm2":
            offset = self.minimum + keras.ops.abs(self.minimum) + 1.0
            scaled = keras.ops.log(scaled - self.minimum + offset)
        scaled = (scaled - self.shift) * self.inverse_width
        return keras.ops.clip(scaled, 0.0, 1.0)

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Returns the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, object]:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "kind": self.kind}


@keras.saving.register_keras_serializable(package="text2image")
class PixelAveraging(FittedLayer):
    """`PixelMap.averaging_matrix` as a layer: `(N, F)` to `(N, H, W, C)`.

    The matrix has one entry per feature, so two vectors represent it: the
    feature's pixel, and its share 1/n among the n features there. A third
    vector names the pixel whose value each pixel shows.
    """

    def __init__(
        self, image_shape: tuple[int, int, int], fill: str, **kwargs: object
    ) -> None:
        """Takes (H, W, C) and the fill of a map; `set_map` sets the map."""
        super().__init__(**kwargs)
        self.image_shape = tuple(image_shape)
        self.fill = fill

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Adds `pixel` and `share`, `(F,)`, and `shown`, `(H * W * C,)`."""
        self.pixel = self._add_indices(input_shape[1:], "pixel")
        self.share = self.add_weight(
            shape=input_shape[1:],
            initializer="ones",
            trainable=False,
            name="share",
        )
        if self.fill != "zero":
            self.shown = self._add_indices(
                (math.prod(self.image_shape),), "shown"
            )

    def _add_indices(
        self, shape: tuple[int | None, ...], name: str
    ) -> keras.Variable:
        return self.add_weight(
            shape=shape,
            dtype="int32",
            initializer="zeros",
            trainable=False,
            name=name,
        )

    def set_map(self, fitted: pixel_map.PixelMap) -> None:
        """Sets the pixels and shares of a fitted map."""
        self.pixel.assign(fitted.pixel_index.astype(np.int32))
        self.share.assign(fitted.shares())
        if self.fill != "zero":
            self.shown.assign(fitted.shown_pixel().astype(np.int32))

    def call(self, rows: keras.KerasTensor) -> keras.KerasTensor:
        """Draws `(N, F)` scaled features as `(N, H, W, C)` images."""
        self.refuse_unfitted(self.pixel)
        pixels = keras.ops.segment_sum(
            keras.ops.transpose(rows * self.share),
            self.pixel,
            num_segments=math.prod(self.image_shape),
        )
        if self.fill != "zero":
            pixels = keras.ops.take(pixels, self.shown, axis=0)
        return keras.ops.reshape(
            keras.ops.transpose(pixels), (-1, *self.image_shape)
        )

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Returns `(N, H, W, C)`."""
        return (input_shape[0], *self.image_shape)

    def get_config(self) -> dict[str, object]:
        """Returns the arguments of the constructor."""
        return {
            **super().get_config(),
            "image_shape": self.image_shape,
            "fill": self.fill,
        }


def build_drawing(
    fitted: pixel_map.PixelMap, stack_shape: tuple[int, int]
) -> keras.Model:
    """Builds a model that draws like `render.Renderer`.

    Args:
        fitted: A pixel map with its scaler.
        stack_shape: (L, D), with L * D = F.

    Returns:
        A model from `(N, L, D)` stacks to `(N, H, W, C)` images, float32.

    Raises:
        ValueError: If the map was fitted on a different number of features.
    """
    num_features = stack_shape[0] * stack_shape[1]
    if num_features != fitted.num_features:
        raise ValueError(
            f"The pixel map takes {fitted.num_features} features. Received: "
            f"stacks {stack_shape}, {num_features} features. Use the encoder "
            "and the layers that the map was fitted with."
        )
    scaling_layer = FeatureScaling(fitted.scaler.kind, name="scaling")
    averaging = PixelAveraging(
        fitted.image_shape, fitted.fill, name="averaging"
    )
    stack = keras.Input(stack_shape, name="stack")
    rows = keras.layers.Reshape((num_features,), name="features")(stack)
    image = averaging(scaling_layer(rows))
    scaling_layer.set_scaler(fitted.scaler)
    averaging.set_map(fitted)
    return keras.Model(stack, image, name="drawing")
