"""Feature scalers: raw features to [0, 1], fitted on train rows only.

All three are fitted from streaming statistics, give finite values for every
finite row, seen or unseen, and map constant features to a constant.
"""

import dataclasses
import functools
from typing import Self

import numpy as np

from text2image import options
from text2image.deepinsight import statistics

# `standard` maps mean +- this many standard deviations to [0, 1]; 99.7% of a
# normal feature lies inside, the rest is clipped.
_STANDARD_WIDTH = 3.0


@dataclasses.dataclass(frozen=True)
class Scaler:
    """A fitted scaler: clip, optional log, affine map, clip.

    `transform` is `clip((f(x) - shift) / width, 0, 1)`, where `f` clips to
    the feature's range on train and, for `norm2`, takes
    `log(x + |minimum| + 1)`. `width` 0 marks a constant feature, which becomes
    0.

    Sources: `norm1` and `norm2` are the two normalisations of Sharma et al.
    2019 (DeepInsight), doi:10.1038/s41598-019-47765-6. `norm2`'s shift by
    |minimum|, whatever its sign, is that of the published code; the clip
    before the logarithm is ours (without it, unseen rows can become NaN).
    `standard` is ours: all features get the same mean, so that differences
    are not small against the mean image.

    Attributes:
        kind: One of `options.SCALERS`.
        minimum: Minimum on train, `(F,)` float64.
        maximum: Maximum on train, `(F,)` float64.
        shift: Value that becomes 0, `(F,)` float64.
        width: Difference that becomes 1, `(F,)` float64.
    """

    kind: str
    minimum: np.ndarray
    maximum: np.ndarray
    shift: np.ndarray
    width: np.ndarray

    def transform(
        self,
        rows: np.ndarray,
        *,
        first_row: int = 0,
        out: np.ndarray | None = None,
    ) -> np.ndarray:
        """Scales rows.

        Args:
            rows: `(N, F)` raw features.
            first_row: Number of the first row, for messages.
            out: `(N, F)` float32 to write into; a new array by default.

        Returns:
            `(N, F)` float32 in [0, 1].

        Raises:
            ValueError: If the number of features differs from train's, or a
                value is not finite.
        """
        if rows.ndim != 2 or rows.shape[1] != len(self.minimum):
            raise ValueError(
                f"`rows` must be (N, {len(self.minimum)}), as the scaler was "
                f"fitted. Received: shape={rows.shape}"
            )
        statistics.check_finite(rows, first_row=first_row)
        minimum, maximum, offset, shift, inverse_width = self._constants
        scaled = np.clip(rows, minimum, maximum, out=out, dtype=np.float32)
        if self.kind == "norm2":
            # x - minimum first: it cannot round below 0, so the argument of
            # the logarithm is at least 1 at any magnitude.
            scaled -= minimum
            scaled += offset
            np.log(scaled, out=scaled)
        scaled -= shift
        scaled *= inverse_width
        return np.clip(scaled, 0.0, 1.0, out=scaled)

    def inverse(self, scaled: np.ndarray) -> np.ndarray:
        """Returns raw features; what `transform` has clipped stays clipped.

        Args:
            scaled: `(N, F)` in [0, 1].

        Returns:
            `(N, F)` float64; constant features get the value of train.
        """
        values = np.asarray(scaled, np.float64) * self.width + self.shift
        if self.kind == "norm2":
            values = np.exp(values) - np.abs(self.minimum) - 1.0
        return values

    @functools.cached_property
    def _constants(self) -> list[np.ndarray]:
        """The constants of `transform` as float32."""
        return [
            values.astype(np.float32)
            for values in (
                self.minimum,
                self.maximum,
                self.minimum + np.abs(self.minimum) + 1.0,
                self.shift,
                self.inverse_width(),
            )
        ]

    def inverse_width(self) -> np.ndarray:
        """Returns 1 / width, 0 for constant features, `(F,)` float64.

        A width that is subnormal in float32 counts as 0: its inverse would
        overflow.
        """
        inverse = np.zeros_like(self.width)
        wide = self.width >= np.finfo(np.float32).tiny
        np.divide(1.0, self.width, out=inverse, where=wide)
        return inverse

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Returns the arrays to save; `from_arrays` reads them."""
        return {
            "scaler_kind": np.array(self.kind),
            "scaler_minimum": self.minimum,
            "scaler_maximum": self.maximum,
            "scaler_shift": self.shift,
            "scaler_width": self.width,
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Self:
        """Rebuilds a scaler from `to_arrays`."""
        return cls(
            kind=str(arrays["scaler_kind"]),
            minimum=arrays["scaler_minimum"],
            maximum=arrays["scaler_maximum"],
            shift=arrays["scaler_shift"],
            width=arrays["scaler_width"],
        )


def fit_scaler(kind: str, stats: statistics.FeatureStatistics) -> Scaler:
    """Fits a scaler from the statistics of the train rows.

    Args:
        kind: `norm1`: (x - min) / (max - min), separately per feature.
            `norm2`: log(x + |min| + 1) over its greatest value in any
            feature. `standard`: mean +- 3 standard deviations to [0, 1].
        stats: Statistics of at least one row.

    Raises:
        ValueError: If `kind` is unknown or the statistics have no rows.
    """
    if kind not in options.SCALERS:
        raise ValueError(
            f"`kind` must be one of {options.SCALERS}. Received: {kind!r}"
        )
    if not stats.count:
        raise ValueError("A scaler needs at least one train row. Received: 0")
    # Clipping happens in float32, so fit on values that float32 represents.
    minimum = stats.minimum.astype(np.float32).astype(np.float64)
    maximum = stats.maximum.astype(np.float32).astype(np.float64)
    if kind == "norm1":
        shift, width = minimum, maximum - minimum
    elif kind == "norm2":
        greatest = np.log(maximum + np.abs(minimum) + 1.0).max()
        shift = np.zeros_like(minimum)
        width = np.full_like(minimum, greatest)
    else:
        mean = stats.total / stats.count
        mean_square = stats.squares / stats.count
        variance = mean_square - mean**2
        # Below float32's resolution of the mean square, variance is noise.
        noise = np.finfo(np.float32).eps * mean_square
        deviation = np.sqrt(np.where(variance > noise, variance, 0.0))
        shift = mean - _STANDARD_WIDTH * deviation
        width = 2 * _STANDARD_WIDTH * deviation
    return Scaler(kind, minimum, maximum, shift, width)
