"""From an image to the input of the slice: contrast, normalisation, range.

Everything is inside the Keras model, so training and serving cannot differ.
"""

from collections.abc import Iterable

import keras
import numpy as np

from text2image.deepinsight.fitted_layer import FittedLayer
from trainers import backbones

# Added to the deviation in quadrature, as the published code does.
_EPSILON = 1e-4


@keras.saving.register_keras_serializable(package="text2image")
class Contrast(FittedLayer):
    """Moves every image towards the mean train image.

    mean + factor * (image - mean). The mean image then decides which
    rectifiers of the slice are open, and the slice is almost linear in the
    difference, so that less of it is lost (docs/results/ablations.md). Ours,
    not the paper's; a factor of 1 changes nothing.
    """

    def __init__(self, factor: float, **kwargs: object) -> None:
        """Keeps the factor; `fit` sets the mean image."""
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates `mean`, `(H, W, C)`."""
        self.mean = self.add_weight(
            shape=input_shape[1:],
            initializer="zeros",
            trainable=False,
            name="mean",
        )

    def fit(self, batches: Iterable[np.ndarray]) -> None:
        """Sets the mean from batches of train images `(n, H, W, C)`."""
        count, total = 0, np.zeros(self.mean.shape)
        for images in batches:
            count += len(images)
            total += images.sum(axis=0, dtype=np.float64)
        self.mean.assign((total / count).astype(np.float32))

    def call(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """`(N, H, W, C)` to the same shape."""
        self.refuse_unfitted(self.mean)
        return self.mean + self.factor * (images - self.mean)

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Returns the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, object]:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable(package="text2image")
class ZNormalization(keras.layers.Layer):
    """Scales pixels to mean 0 and deviation 1: (x - mean) / sqrt(var + 1e-8).

    The paper's Eq. 3. `image`: over H, W and C of one image. `batch`: over
    the whole batch with Bessel's correction, as the published code does; a
    prediction then depends on the other images in the batch. A constant image
    gives 0.
    """

    def __init__(self, mode: str, **kwargs: object) -> None:
        """Keeps `mode`: `image` or `batch`."""
        super().__init__(**kwargs)
        self.mode = mode

    def call(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """`(N, H, W, C)` to the same shape."""
        axes = (1, 2, 3) if self.mode == "image" else (0, 1, 2, 3)
        mean = keras.ops.mean(images, axis=axes, keepdims=True)
        centred = images - mean
        variance = keras.ops.mean(
            keras.ops.square(centred), axis=axes, keepdims=True
        )
        if self.mode == "batch":
            count = keras.ops.cast(keras.ops.size(images), images.dtype)
            variance = variance * count / (count - 1.0)
        return centred / keras.ops.sqrt(variance + _EPSILON**2)

    def get_config(self) -> dict[str, object]:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "mode": self.mode}


@keras.saving.register_keras_serializable(package="text2image")
class DatasetNormalization(FittedLayer):
    """Scales all pixels by one mean and one deviation of the whole data set.

    (x - mean) / sqrt(var + 1e-8), the paper's Eq. 3 with two scalars: over N,
    H, W and C of all train images. Images keep their own mean and deviation,
    relative to the others'.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates `mean` and `deviation`, scalars."""
        self.mean = self.add_weight(
            shape=(), initializer="zeros", trainable=False, name="mean"
        )
        self.deviation = self.add_weight(
            shape=(), initializer="zeros", trainable=False, name="deviation"
        )

    def fit(self, batches: Iterable[np.ndarray]) -> None:
        """Sets both from batches of what the layer reads, `(n, H, W, C)`."""
        count, mean, squares = 0, 0.0, 0.0
        for images in batches:
            # Chan et al. 1979: merged without the squares of large means.
            pixels = images.astype(np.float64)
            gap = pixels.mean() - mean
            total = count + pixels.size
            squares += pixels.var() * pixels.size
            squares += gap**2 * count * pixels.size / total
            mean += gap * pixels.size / total
            count = total
        self.mean.assign(mean)
        self.deviation.assign(np.sqrt(squares / count + _EPSILON**2))

    def call(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """`(N, H, W, C)` to the same shape."""
        self.refuse_unfitted(self.deviation)
        return (images - self.mean) / self.deviation

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Returns the shape of the input."""
        return input_shape


@keras.saving.register_keras_serializable(package="text2image")
class SliceInput(keras.layers.Layer):
    """Converts three channels to the input that a slice was trained on.

    `standardized` pixels (mean 0, deviation 1) are read as ImageNet pixels
    that were standardised by ImageNet's mean and deviation: torchvision's
    slices take them as they are, Keras's get the range they expect. Pixels
    that were not normalised are read as RGB in [0, 1].
    """

    def __init__(
        self, preprocessing: str, standardized: bool, **kwargs: object
    ) -> None:
        """Keeps a key of `backbones.PREPROCESSING` and how pixels arrive."""
        super().__init__(**kwargs)
        self.preprocessing = preprocessing
        self.standardized = standardized
        spec = backbones.PREPROCESSING[preprocessing]
        self._bgr = spec.bgr
        if standardized:
            channels = zip(
                spec.scale,
                spec.offset,
                backbones.IMAGENET_MEAN,
                backbones.IMAGENET_STD,
                strict=True,
            )
            affine = [(s * std, s * m + o) for s, o, m, std in channels]
        else:
            affine = list(zip(spec.scale, spec.offset, strict=True))
        self._scale = [scale for scale, _ in affine]
        self._offset = [offset for _, offset in affine]

    def call(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """`(N, H, W, 3)` to the same shape."""
        scale = keras.ops.convert_to_tensor(self._scale, images.dtype)
        offset = keras.ops.convert_to_tensor(self._offset, images.dtype)
        images = images * scale + offset
        return keras.ops.flip(images, axis=-1) if self._bgr else images

    def get_config(self) -> dict[str, object]:
        """Returns the arguments of the constructor."""
        return {
            **super().get_config(),
            "preprocessing": self.preprocessing,
            "standardized": self.standardized,
        }
