"""Streaming statistics of feature rows, for the scaler and the projection."""

import dataclasses
import itertools
from collections.abc import Mapping
from concurrent import futures
from typing import Self

import numpy as np
from threadpoolctl import threadpool_limits

from text2image import cpu

# Rows whose products are summed in float32 before they are added to doubles:
# BLAS sums of this length are exact to about 1e-6.
_FOLD = 8192
# Features whose products with as many others one thread computes.
_FEATURES = 512
# Rows of the Gram matrix at a time, few enough for the cache.
_BLOCK = 64


@dataclasses.dataclass
class FeatureStatistics:
    """Range and moments of each feature over the rows seen so far.

    Attributes:
        count: Number of rows.
        minimum: Least value, `(F,)` float64.
        maximum: Greatest value, `(F,)` float64.
        total: Sum, `(F,)` float64.
        squares: Sum of squares, `(F,)` float64.
    """

    count: int
    minimum: np.ndarray
    maximum: np.ndarray
    total: np.ndarray
    squares: np.ndarray

    @classmethod
    def empty(cls, num_features: int) -> Self:
        """Returns the statistics of no rows of `num_features` features."""
        return cls(
            count=0,
            minimum=np.full(num_features, np.inf),
            maximum=np.full(num_features, -np.inf),
            total=np.zeros(num_features),
            squares=np.zeros(num_features),
        )

    def update(self, rows: np.ndarray, *, first_row: int = 0) -> None:
        """Adds rows.

        Args:
            rows: `(n, F)`, any float type.
            first_row: Number of rows before the first ever seen here, for the
                message.

        Raises:
            ValueError: If the shape is wrong or a value is not finite; names
                the first such row (counted from the first row of all).
        """
        _check_width(rows, len(self.total))
        check_finite(rows, first_row=first_row + self.count)
        if not len(rows):
            return
        self.count += len(rows)
        np.minimum(self.minimum, rows.min(axis=0), out=self.minimum)
        np.maximum(self.maximum, rows.max(axis=0), out=self.maximum)
        self.total += rows.sum(axis=0, dtype=np.float64)
        self.squares += np.einsum("nf,nf->f", rows, rows, dtype=np.float64)

    def merge(self, other: Self) -> None:
        """Adds the rows that others have seen."""
        self.count += int(other.count)
        np.minimum(self.minimum, other.minimum, out=self.minimum)
        np.maximum(self.maximum, other.maximum, out=self.maximum)
        self.total += other.total
        self.squares += other.squares

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Returns the arrays to save; `from_arrays` reads them."""
        return {name: np.asarray(value) for name, value in vars(self).items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """Rebuilds statistics from `to_arrays`."""
        return cls(
            int(arrays["count"]),
            arrays["minimum"],
            arrays["maximum"],
            arrays["total"],
            arrays["squares"],
        )


class GramMatrix:
    """Inner products of the features, summed over scaled rows.

    Products are float32, twice as fast as doubles, of the rows minus an origin
    near their mean; long sums are doubles. With values in [0, 1], the error is
    about 1e-7 per row.
    """

    def __init__(self, origin: np.ndarray) -> None:
        """Starts with no rows.

        Args:
            origin: Point near the mean of the rows, `(F,)`: the nearer, the
                more exact are the distances between similar features.
        """
        features = len(origin)
        self._origin = origin.astype(np.float32)
        self._count = 0
        self._total = np.zeros(features)
        # Upper triangles (half the work): of older rows and of the newest.
        self._products = np.zeros((features, features), order="F")
        self._newest = np.zeros((features, features), np.float32, order="F")
        self._folded = 0

    def update(self, rows: np.ndarray) -> None:
        """Adds rows.

        Args:
            rows: Scaled features in [0, 1], `(n, F)`.
        """
        _check_width(rows, len(self._origin))
        if not len(rows):
            return
        centred = np.subtract(rows, self._origin, dtype=np.float32)
        self._count += len(rows)
        self._total += centred.sum(axis=0, dtype=np.float64)
        _add_products(centred, self._newest)
        if self._count - self._folded >= _FOLD:
            self._fold()

    def matrix(self) -> np.ndarray:
        """Returns the `(F, F)` float64 sum of outer products, symmetric."""
        self._fold()
        # rows = centred + origin. With the sum t of the centred rows and the
        # origin o, this adds h o' + o h', where h = t + n o / 2.
        half = self._total + 0.5 * self._count * self._origin
        gram = np.empty(self._products.shape)
        for first in range(0, len(gram), _BLOCK):
            rows = slice(first, first + _BLOCK)
            # The lower triangle is zero.
            np.add(self._products[rows], self._products.T[rows], out=gram[rows])
            gram[rows] += np.outer(half[rows], self._origin) + np.outer(
                self._origin[rows], half
            )
        diagonal = np.diag(self._products) + 2.0 * half * self._origin
        np.fill_diagonal(gram, diagonal)
        return gram

    def merge(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Adds the rows of a matrix with the same origin, by its arrays."""
        self._fold()
        self._count += int(arrays["count"])
        self._total += arrays["total"]
        self._products += arrays["products"]
        self._folded = self._count

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Returns the sums, less the origin; `merge` reads them."""
        self._fold()
        return {
            "count": np.asarray(self._count),
            "total": self._total,
            "products": self._products,
        }

    def _fold(self) -> None:
        self._products += self._newest
        self._newest.fill(0.0)
        self._folded = self._count


def _add_products(rows: np.ndarray, sums: np.ndarray) -> None:
    """Adds the products of features of rows `(n, F)` to the upper triangle.

    Block by block, each by one thread of BLAS. Its own threads divide a matrix
    by their number, and on some processors the sums at the cuts are rounded
    differently: the bits would change with the number of cores.

    Args:
        rows: `(n, F)` float32.
        sums: `(F, F)` float32; its lower triangle stays as it is.
    """
    starts = range(0, len(sums), _FEATURES)

    def add(block: tuple[int, int]) -> None:
        one, other = (slice(start, start + _FEATURES) for start in block)
        products = rows[:, one].T @ rows[:, other]
        sums[one, other] += np.triu(products) if one == other else products

    blocks = itertools.combinations_with_replacement(starts, 2)
    with (
        threadpool_limits(1, "blas"),
        futures.ThreadPoolExecutor(cpu.count()) as pool,
    ):
        list(pool.map(add, blocks))


def check_finite(rows: np.ndarray, *, first_row: int = 0) -> None:
    """Refuses NaN and infinity.

    Args:
        rows: `(n, F)`.
        first_row: Number of the first row, for the message.

    Raises:
        ValueError: If a value is not finite; names the first such row.
    """
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        raise ValueError(
            "Features must be finite. Received NaN or infinity in row "
            f"{first_row + row}: check the encoder's weights."
        )


def _check_width(rows: np.ndarray, num_features: int) -> None:
    if rows.ndim != 2 or rows.shape[1] != num_features:
        raise ValueError(
            f"`rows` must be (n, {num_features}). Received: shape={rows.shape}"
        )
