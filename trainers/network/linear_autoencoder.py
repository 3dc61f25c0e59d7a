"""The linear autoencoder: what of the picture the frozen maps still hold.

An autoencoder whose encoder begins with the frozen slice, and whose code is
the picture itself: every cell of the maps answers for a patch of pixels and
estimates it by least squares. That is the optimum of the reconstruction loss
for a linear code, so it is solved for in one pass and nothing is left to train.

Why pictures and not maps are reconstructed: near the mean picture a slice is
almost linear (`pixels.Contrast`), but it stretches some directions and shrinks
others, ImageNet's edge filters above all the coarse ones that tell texts apart.
A penalised head sees the stretched ones first. Measured in BUILD_NOTES.md.
"""

from collections.abc import Iterable

import keras
import numpy as np

# Cells and pixels that hardly vary would be blown up to noise: a deviation is
# never taken as smaller than this share of the largest.
_FLOOR = 1e-3
# Ridge penalty, in variances of a standardised cell.
_PENALTY = 1e-3


@keras.saving.register_keras_serializable(package="text2image")
class LinearReconstruction(keras.layers.Layer):
    """Estimates the picture from its maps, each cell its own patch.

    Cell (i, j) of h x w stands for ceil(H / h) x ceil(W / w) pixels; patches
    are spread evenly over the picture and overlap where they must. Each cell
    has weights of its own, because which input a max pool passes on and which
    rectifiers are open depends on the place.

    `fit` sets the weights; nothing trains.
    """

    def __init__(self, image_shape: tuple[int, ...], **kwargs: object) -> None:
        """Keeps the pictures' (H, W, C)."""
        super().__init__(trainable=False, **kwargs)
        self.image_shape = tuple(image_shape)

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Makes the weights for maps `(N, h, w, M)`; S = pixels of a patch."""
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

    def _rows(self, cells: int) -> np.ndarray:
        return _spans(self.image_shape[0], cells)

    def _columns(self, cells: int) -> np.ndarray:
        return _spans(self.image_shape[1], cells)

    def patches(self, images: np.ndarray) -> np.ndarray:
        """`(N, H, W, C)` pictures to `(N, h, w, S)` pixels as they are."""
        height, width = self.maps_mean.shape[:2]
        rows, columns = self._rows(height), self._columns(width)
        found = images[:, rows[:, None, :, None], columns[None, :, None, :]]
        return found.reshape(len(images), height, width, -1)

    def standardized(self, images: np.ndarray) -> np.ndarray:
        """What the code should be: `(N, H, W, C)` to `(N, h, w, S)`.

        Pixels that did not vary in the pictures it was fitted on are 0.
        """
        varies = np.asarray(self.pixels_deviation) > 0
        deviation = np.where(varies, self.pixels_deviation, 1.0)
        pixels = (self.patches(images) - self.pixels_mean) / deviation
        return (pixels * varies).astype(np.float32)

    def fit(self, batches: Iterable[tuple[np.ndarray, np.ndarray]]) -> float:
        """Solves for the weights: ridge regression, a cell at a time.

        One pass; sums in double precision around the first batch's mean.
        Memory grows with the maps, not with the batches.

        Args:
            batches: Train pictures `(n, H, W, C)` with their maps
                `(n, h, w, M)`.

        Returns:
            Share of the pictures' variance that the code has, on the pictures
            it was fitted on (R^2 over standardised pixels that vary).
        """
        moments = _Moments()
        for images, maps in batches:
            moments.add(_by_cell(maps), _by_cell(self.patches(images)))
        maps_mean, maps_deviation, maps_covariance = moments.maps()
        pixels_mean, pixels_deviation, covariance = moments.pixels()
        # In units of deviations, so that one penalty fits all.
        scale = _floored(maps_deviation)
        covariance /= scale[:, :, None]
        maps_covariance /= scale[:, :, None] * scale[:, None, :]
        penalised = maps_covariance + _PENALTY * np.eye(scale.shape[1])
        # A pixel that hardly varies has the mean for its estimate: code 0.
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
        """`(N, h, w, M)` to standardised pixels `(N, h, w, S)`."""
        return keras.ops.einsum(
            "nhwm,hwms->nhws", maps - self.maps_mean, self.kernel
        )

    def pictures(self, code: np.ndarray) -> np.ndarray:
        """`(N, h, w, S)` codes to `(N, H, W, C)`; overlaps are averaged."""
        height, width = code.shape[1:3]
        rows, columns = self._rows(height), self._columns(width)
        pixels = code * np.asarray(self.pixels_deviation) + np.asarray(
            self.pixels_mean
        )
        count = len(code)
        total = np.zeros((count, *self.image_shape))
        times = np.zeros(self.image_shape)
        for i, j in np.ndindex(height, width):
            place = np.ix_(rows[i], columns[j])
            patch = pixels[:, i, j].reshape(
                count, len(rows[i]), len(columns[j]), -1
            )
            total[:, place[0], place[1]] += patch
            times[place] += 1
        return (total / times).astype(np.float32)

    def get_config(self) -> dict[str, object]:
        """What `from_config` needs."""
        config = super().get_config()
        del config["trainable"]
        return {**config, "image_shape": self.image_shape}


def _spans(pixels: int, cells: int) -> np.ndarray:
    """`(cells, p)` pixel numbers: spans of p, evenly spread, none left out."""
    size = -(-pixels // cells)
    starts = np.linspace(0, pixels - size, cells).round().astype(int)
    return starts[:, None] + np.arange(size)


def _by_cell(values: np.ndarray) -> np.ndarray:
    """`(n, h, w, c)` to `(h w, n, c)`."""
    count, height, width, channels = values.shape
    flat = values.reshape(count, height * width, channels)
    return np.ascontiguousarray(flat.transpose(1, 0, 2))


def _floored(deviation: np.ndarray) -> np.ndarray:
    return np.maximum(deviation, max(_FLOOR * deviation.max(), 1e-30))


class _Moments:
    """Sums over examples, a cell at a time, around the first batch's mean."""

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
