"""The linear autoencoder: what the feature maps keep of the image.

An autoencoder whose encoder begins with the frozen slice and whose code is the
image itself: every position of the maps stands for a patch of pixels and
estimates it by least squares. That is the optimum of the reconstruction loss
for a linear code, so it is solved for in one pass and nothing is left to train.

Why images and not maps are reconstructed: near the mean image a slice is almost
linear (`input_layers.Contrast`), but it stretches some directions and shrinks
others, and ImageNet's edge filters shrink above all the coarse ones that tell
texts apart. A penalised head sees the stretched ones first. Measured in
docs/results/ablations.md.
"""

from collections.abc import Iterable

import keras
import numpy as np

from text2image.deepinsight.fitted_layer import FittedLayer

# Features and pixels that hardly vary would be amplified to noise: a deviation
# is never taken as smaller than this share of the largest.
_FLOOR = 1e-3
# Ridge penalty, in variances of a standardised feature.
_PENALTY = 1e-3


@keras.saving.register_keras_serializable(package="text2image")
class LinearReconstruction(FittedLayer):
    """Estimates the image from its maps, one patch per position.

    Position (i, j) of h x w stands for ceil(H / h) x ceil(W / w) pixels;
    patches are spread evenly over the image and overlap where they must. Each
    position has weights of its own, because the input that a max pool passes
    on and the rectifiers that are open depend on the position.

    `fit` sets the weights; nothing trains.
    """

    def __init__(self, image_shape: tuple[int, ...], **kwargs: object) -> None:
        """Keeps the shape (H, W, C) of the images."""
        super().__init__(**kwargs)
        self.image_shape = tuple(image_shape)

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Creates weights for maps `(N, h, w, M)`; S values per patch."""
        height, width, num_maps = input_shape[1:]
        size = (
            self._rows(height).shape[1]
            * self._columns(width).shape[1]
            * self.image_shape[2]
        )

        def zeros(name: str, *shape: int) -> keras.Variable:
            return self.add_weight(
                shape=(height, width, *shape),
                initializer="zeros",
                trainable=False,
                name=name,
            )

        self.maps_mean = zeros("maps_mean", num_maps)
        self.kernel = zeros("kernel", num_maps, size)
        self.pixels_mean = zeros("pixels_mean", size)
        self.pixels_deviation = zeros("pixels_deviation", size)

    def _rows(self, positions: int) -> np.ndarray:
        return _spans(self.image_shape[0], positions)

    def _columns(self, positions: int) -> np.ndarray:
        return _spans(self.image_shape[1], positions)

    def patches(self, images: np.ndarray) -> np.ndarray:
        """Cuts `(N, H, W, C)` images into patches `(N, h, w, S)`."""
        height, width = self.maps_mean.shape[:2]
        rows, columns = self._rows(height), self._columns(width)
        pixels = images[:, rows[:, None, :, None], columns[None, :, None, :]]
        return pixels.reshape(len(images), height, width, -1)

    def standardized(self, images: np.ndarray) -> np.ndarray:
        """Returns the ideal code, `(N, h, w, S)`, of images `(N, H, W, C)`.

        Pixels that did not vary in the images of the fit are 0.
        """
        varies = np.asarray(self.pixels_deviation) > 0
        deviation = np.where(varies, self.pixels_deviation, 1.0)
        pixels = (self.patches(images) - self.pixels_mean) / deviation
        return (pixels * varies).astype(np.float32)

    def fit(self, batches: Iterable[tuple[np.ndarray, np.ndarray]]) -> float:
        """Solves for the weights: one ridge regression per position.

        One pass; sums in double precision around the first batch's mean.
        Memory grows with the maps, not with the batches.

        Args:
            batches: Train images `(n, H, W, C)` with their maps
                `(n, h, w, M)`.

        Returns:
            Share of the variance of these images that the code keeps (R^2
            over standardised pixels that vary).
        """
        moments = _Moments()
        for images, maps in batches:
            moments.add(_by_position(maps), _by_position(self.patches(images)))
        maps_mean, maps_deviation, maps_covariance = moments.maps()
        pixels_mean, pixels_deviation, covariance = moments.pixels()
        # In units of deviations, so that one penalty fits all.
        scale = _floored(maps_deviation)
        covariance /= scale[:, :, None]
        maps_covariance /= scale[:, :, None] * scale[:, None, :]
        penalised = maps_covariance + _PENALTY * np.eye(scale.shape[1])
        # A pixel that hardly varies is estimated by its mean: code 0.
        varies = pixels_deviation >= _FLOOR * max(pixels_deviation.max(), 1e-30)
        pixels_deviation = np.where(varies, pixels_deviation, 0.0)
        covariance *= np.divide(
            1.0,
            pixels_deviation,
            where=varies,
            out=np.zeros_like(varies, float),
        )[:, None, :]
        kernel = np.linalg.solve(penalised, covariance)
        explained = 2 * (kernel * covariance).sum() - np.einsum(
            "pms,pmk,pks->", kernel, maps_covariance, kernel, optimize=True
        )
        for weight, value in (
            (self.maps_mean, maps_mean),
            (self.kernel, kernel / scale[:, :, None]),
            (self.pixels_mean, pixels_mean),
            (self.pixels_deviation, pixels_deviation),
        ):
            weight.assign(value.reshape(weight.shape).astype(np.float32))
        return float(explained / max(varies.sum(), 1))

    def call(self, maps: keras.KerasTensor) -> keras.KerasTensor:
        """Estimates standardised pixels `(N, h, w, S)` from `(N, h, w, M)`."""
        self.refuse_unfitted(*self.weights)
        return keras.ops.einsum(
            "nhwm,hwms->nhws", maps - self.maps_mean, self.kernel
        )

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Returns `(N, h, w, S)`."""
        return (*input_shape[:3], self.kernel.shape[-1])

    def images(self, code: np.ndarray) -> np.ndarray:
        """Decodes `(N, h, w, S)` to `(N, H, W, C)`; averages overlaps."""
        height, width = code.shape[1:3]
        rows, columns = self._rows(height), self._columns(width)
        pixels = code * np.asarray(self.pixels_deviation) + np.asarray(
            self.pixels_mean
        )
        count = len(code)
        total = np.zeros((count, *self.image_shape))
        times = np.zeros(self.image_shape)
        for i, j in np.ndindex(height, width):
            area = np.ix_(rows[i], columns[j])
            patch = pixels[:, i, j].reshape(
                count, len(rows[i]), len(columns[j]), -1
            )
            total[:, area[0], area[1]] += patch
            times[area] += 1
        return (total / times).astype(np.float32)

    def get_config(self) -> dict[str, object]:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "image_shape": self.image_shape}


def _spans(pixels: int, count: int) -> np.ndarray:
    """Spreads `count` spans evenly; `(count, p)` pixel numbers, all covered."""
    size = -(-pixels // count)
    starts = np.linspace(0, pixels - size, count).round().astype(int)
    return starts[:, None] + np.arange(size)


def _by_position(values: np.ndarray) -> np.ndarray:
    """`(n, h, w, c)` to `(h w, n, c)`."""
    count, height, width, channels = values.shape
    flat = values.reshape(count, height * width, channels)
    return np.ascontiguousarray(flat.transpose(1, 0, 2))


def _floored(deviation: np.ndarray) -> np.ndarray:
    return np.maximum(deviation, max(_FLOOR * deviation.max(), 1e-30))


class _Moments:
    """Sums over examples, by position, around the mean of the first batch."""

    def __init__(self) -> None:
        self._count = 0
        self._origin: list[np.ndarray] = []
        # First moments of maps and pixels; second: maps with maps, maps with
        # pixels, and of the pixels their squares.
        self._sums: list[np.ndarray] = []

    def add(self, maps: np.ndarray, pixels: np.ndarray) -> None:
        """Adds `(P, n, M)` maps and `(P, n, S)` pixels of n examples."""
        if not self._count:
            self._origin = [
                values.mean(axis=1, keepdims=True) for values in (maps, pixels)
            ]
        self._count += maps.shape[1]
        maps = maps - self._origin[0]
        pixels = pixels - self._origin[1]
        # Not numpy's: ten times as slow on many small products.
        turned = keras.ops.transpose(maps, (0, 2, 1))
        products = [keras.ops.matmul(turned, x) for x in (maps, pixels)]
        sums = [
            maps.sum(axis=1),
            pixels.sum(axis=1),
            *map(keras.ops.convert_to_numpy, products),
            np.square(pixels).sum(axis=1),
        ]
        if not self._sums:
            self._sums = [values.astype(np.float64) for values in sums]
            return
        for total, values in zip(self._sums, sums, strict=True):
            total += values

    def maps(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean `(P, M)`, deviation `(P, M)` and covariance `(P, M, M)`."""
        first = self._sums[0] / self._count
        covariance = (
            self._sums[2] / self._count - first[:, :, None] * first[:, None, :]
        )
        variance = np.einsum("pmm->pm", covariance)
        return (
            self._origin[0][:, 0] + first,
            np.sqrt(np.maximum(variance, 0.0)),
            covariance,
        )

    def pixels(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean and deviation `(P, S)`, and covariance with maps `(P, M, S)`."""
        maps, pixels = (total / self._count for total in self._sums[:2])
        variance = self._sums[4] / self._count - pixels**2
        return (
            self._origin[1][:, 0] + pixels,
            np.sqrt(np.maximum(variance, 0.0)),
            self._sums[3] / self._count - maps[:, :, None] * pixels[:, None, :],
        )
