"""One streaming pass over feature rows: everything scaler and map need."""

import dataclasses

import numpy as np
import scipy.linalg.blas


@dataclasses.dataclass
class FeatureStatistics:
    """Sums over the rows seen so far; its size does not depend on them.

    `gram` is kept as the upper triangle while rows arrive (half the work);
    `gram_matrix()` returns the whole.

    Attributes:
        count: Rows seen.
        minimum: `(F,)` float64.
        maximum: `(F,)` float64.
        total: `(F,)` float64, the sum.
        gram: `(F, F)` float64 in Fortran order, upper triangle of the sum of
            outer products. Doubles, because distances are differences of its
            entries.
    """

    count: int
    minimum: np.ndarray
    maximum: np.ndarray
    total: np.ndarray
    gram: np.ndarray

    @classmethod
    def empty(cls, num_features: int) -> "FeatureStatistics":
        """Returns the statistics of no rows of `num_features` features."""
        return cls(
            count=0,
            minimum=np.full(num_features, np.inf),
            maximum=np.full(num_features, -np.inf),
            total=np.zeros(num_features),
            gram=np.zeros((num_features, num_features), order="F"),
        )

    def update(self, rows: np.ndarray) -> None:
        """Adds rows.

        Args:
            rows: `(n, F)`, any float type.

        Raises:
            ValueError: If the shape is wrong or a value is not finite; names
                the first such row (counted from the first row ever seen).
        """
        num_features = len(self.total)
        if rows.ndim != 2 or rows.shape[1] != num_features:
            raise ValueError(
                f"`rows` must be (n, {num_features}). Received: shape="
                f"{rows.shape}"
            )
        check_finite(rows, first_row=self.count)
        if not len(rows):
            return
        rows = np.ascontiguousarray(rows, dtype=np.float64)
        self.count += len(rows)
        np.minimum(self.minimum, rows.min(axis=0), out=self.minimum)
        np.maximum(self.maximum, rows.max(axis=0), out=self.maximum)
        self.total += rows.sum(axis=0)
        # rows.T is Fortran-contiguous, so BLAS reads it in place.
        self.gram = scipy.linalg.blas.dsyrk(
            1.0, rows.T, beta=1.0, c=self.gram, overwrite_c=1
        )

    def merge(self, other: "FeatureStatistics") -> None:
        """Adds the rows another worker has seen."""
        self.count += other.count
        np.minimum(self.minimum, other.minimum, out=self.minimum)
        np.maximum(self.maximum, other.maximum, out=self.maximum)
        self.total += other.total
        self.gram += other.gram

    def gram_matrix(self) -> np.ndarray:
        """Returns the symmetric `(F, F)` float64 sum of outer products."""
        whole = self.gram + self.gram.T  # below the diagonal it holds zeros
        np.fill_diagonal(whole, np.diag(self.gram))
        return whole


def check_finite(rows: np.ndarray, *, first_row: int = 0) -> None:
    """Refuses NaN and infinity.

    Args:
        rows: `(n, F)`.
        first_row: Number of the first row, for the message.

    Raises:
        ValueError: Names the first row with such a value.
    """
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        raise ValueError(
            "Features must be finite. Received NaN or infinity in row "
            f"{first_row + row}: check the encoder's weights."
        )
