"""TF-IDF of counted terms and logistic regression on it."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import scipy.sparse
import sklearn.preprocessing

from trainers.selection import linear
from trainers.selection.term_counts import TermCounts
from trainers.serving.term_classifier import TermWeights

# Terms of fewer train texts are left out, unless all are.
_LEAST_TEXTS = 2


@dataclasses.dataclass(frozen=True)
class Weighting:
    """TF-IDF of one kind of terms, fitted to some texts.

    Attributes:
        columns: The terms that are used, `(v,)` of all V.
        idf: Their weights, `(v,)` float64.
    """

    columns: np.ndarray
    idf: np.ndarray

    def values(
        self, counts: scipy.sparse.csr_matrix
    ) -> scipy.sparse.csr_matrix:
        """Counts `(N, V)` to values `(N, v)`, rows of length 1."""
        values = counts[:, self.columns]
        values.data = (1 + np.log(values.data)) * self.idf[values.indices]
        return sklearn.preprocessing.normalize(values, copy=False)


def fit_weighting(counts: scipy.sparse.csr_matrix) -> Weighting:
    """Fits TF-IDF to counts `(N, V)`."""
    texts = np.bincount(counts.indices, minlength=counts.shape[1])
    columns = np.flatnonzero(texts >= _LEAST_TEXTS)
    if not len(columns):
        columns = np.arange(counts.shape[1])
    return Weighting(
        columns, 1 + np.log((1 + counts.shape[0]) / (1 + texts[columns]))
    )


@dataclasses.dataclass(frozen=True)
class Rows:
    """The values of some texts, by a weighting fitted to others of them.

    Attributes:
        weightings: Kind of terms to its weighting.
        train: Values of the texts it was fitted to, `(N, v)`.
        held: Values of the others, `(M, v)`.
    """

    weightings: dict[str, Weighting]
    train: scipy.sparse.csr_matrix
    held: scipy.sparse.csr_matrix


def rows_of(
    counts: Mapping[str, scipy.sparse.csr_matrix],
    train: np.ndarray,
    held: Mapping[str, scipy.sparse.csr_matrix],
) -> Rows:
    """Fits TF-IDF to the texts numbered `train`.

    Args:
        counts: Kind of terms to counts `(N, V)`.
        train: Numbers of texts.
        held: Kind of terms to counts `(M, V)` of other texts.
    """
    kinds = {kind: matrix[train] for kind, matrix in counts.items()}
    weightings = {kind: fit_weighting(part) for kind, part in kinds.items()}

    def stacked(
        parts: Mapping[str, scipy.sparse.csr_matrix],
    ) -> scipy.sparse.csr_matrix:
        return scipy.sparse.hstack(
            [weightings[kind].values(part) for kind, part in parts.items()],
            format="csr",
        )

    return Rows(weightings, stacked(kinds), stacked(held))


def weights(
    counted: Mapping[str, TermCounts],
    weightings: Mapping[str, Weighting],
    model: linear.Linear,
) -> TermWeights:
    """Returns what the classifier in a SavedModel needs."""
    used: Sequence[tuple[TermCounts, Weighting]] = [
        (counted[kind], weightings[kind]) for kind in counted
    ]
    return TermWeights(
        tuple(counted),
        np.concatenate([t.vocabulary[w.columns] for t, w in used]),
        tuple(len(w.columns) for _, w in used),
        np.concatenate([w.idf for _, w in used]).astype(np.float32),
        model.kernel.astype(np.float32),
        model.bias.astype(np.float32),
    )
