"""Logistic regression of any rows, with all classes in its logits."""

import dataclasses
import warnings
from typing import Any

import numpy as np
import scipy.sparse
import scipy.special
import sklearn.exceptions
import sklearn.linear_model
from threadpoolctl import threadpool_limits

_SEED = 0
_MOST_ITERATIONS = 300
# Logit of a class without a train text.
_NEVER = -30.0


@dataclasses.dataclass(frozen=True)
class Linear:
    """Rows `(N, F)` to logits `(N, K)`.

    Attributes:
        kernel: `(F, K)` float64.
        bias: `(K,)` float64.
    """

    kernel: np.ndarray
    bias: np.ndarray

    def log_probabilities(self, rows: Any) -> np.ndarray:
        """Rows `(N, F)`, sparse or not, to `(N, K)` float64."""
        logits = rows @ self.kernel + self.bias
        return scipy.special.log_softmax(logits, axis=1)


def fit(
    rows: Any,
    labels: np.ndarray,
    num_classes: int,
    c: float,
    tolerance: float = 1e-4,
) -> Linear:
    """Fits logistic regression.

    Args:
        rows: `(N, F)`, sparse or not.
        labels: `(N,)` integers.
        num_classes: K; a class without a label gets no probability.
        c: Inverse of the penalty on the squares of the kernel.
        tolerance: As of scikit-learn.
    """
    present = np.unique(labels)
    kernel = np.zeros((rows.shape[1], num_classes))
    bias = np.full(num_classes, _NEVER)
    if len(present) == 1:
        bias[present] = 0
        return Linear(kernel, bias)
    model = sklearn.linear_model.LogisticRegression(
        C=c, max_iter=_MOST_ITERATIONS, tol=tolerance, random_state=_SEED
    )
    # Threads wait for each other at every product of some microseconds: on two
    # cores that others use, a fit to TF-IDF takes five times as long.
    shared = None if scipy.sparse.issparse(rows) else "openmp"
    with threadpool_limits(1, shared), warnings.catch_warnings():
        # One that stops early is judged as it is.
        warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
        model.fit(rows, labels)
    is_binary = len(present) == 2
    classes = present[1:] if is_binary else present
    bias[present] = 0
    kernel[:, classes] = model.coef_.T
    bias[classes] = model.intercept_
    return Linear(kernel, bias)
