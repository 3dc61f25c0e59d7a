"""Are vectors of similar classes close? Rank correlations, permutation tests.

numpy and scipy only.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import scipy.spatial
import scipy.stats

METRICS = ("euclidean", "cosine")
_BATCH = 512  # orders at a time, (batch, K, K) in memory
_ROUNDING = 1e-9  # correlations closer than this are equal


def distances(rows: np.ndarray, metric: str = "euclidean") -> np.ndarray:
    """Distances `(K, K)` of rows `(K, m)`."""
    return scipy.spatial.distance.squareform(
        scipy.spatial.distance.pdist(rows, metric)
    )


def confusion_distances(confusion: np.ndarray) -> np.ndarray:
    """Distances `(K, K)`: 1 minus the share of k and l confused.

    Args:
        confusion: Counts `(K, K)`, rows are true classes. A class without
            test images counts as never confused.
    """
    totals = np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    shares = confusion / totals
    result = 1 - (shares + shares.T) / 2
    np.fill_diagonal(result, 0)
    return result


def spearman(first: np.ndarray, second: np.ndarray) -> float | None:
    """Spearman's correlation of two `(K, K)` distance matrices.

    Returns:
        `None` where it is not defined: for fewer than three classes, or if
        all distances of one matrix are equal.
    """
    ranks, others = _matrix_of_ranks(first), _matrix_of_ranks(second)
    if ranks is None or others is None:
        return None
    return float((ranks * others).sum())


def mantel(
    first: np.ndarray,
    second: np.ndarray,
    *,
    permutations: int,
    seed: int,
) -> dict[str, Any]:
    """Mantel test: Spearman's correlation against permuted classes.

    Pairs of classes are not independent, so the usual p of a correlation would
    be too small. Instead the classes of one matrix are permuted, rows and
    columns together (Mantel 1967, Cancer Research 27, 209). All K! orders are
    compared if there are no more than asked for; the test is then exact.

    Args:
        first: Distances, `(K, K)`.
        second: Distances, `(K, K)`.
        permutations: Largest number of orders to draw.
        seed: Seed of the draw.

    Returns:
        `rho`; `p`, the share of orders with a correlation at least as large
        (one-sided: the claim has a direction); `p_opposite`, at most as large;
        `orders`, the number of orders compared, the observed one included.
        `rho`, `p` and `p_opposite` are `None` where `spearman` is.
    """
    fixed, moved = _matrix_of_ranks(first), _matrix_of_ranks(second)
    if fixed is None or moved is None:
        return {"rho": None, "p": None, "p_opposite": None, "orders": 0}

    def correlation(orders: np.ndarray) -> np.ndarray:
        permuted = moved[orders[..., :, None], orders[..., None, :]]
        return np.einsum("kl,...kl->...", fixed, permuted)

    return against_orders(
        float((fixed * moved).sum()),
        correlation,
        len(first),
        permutations=permutations,
        seed=seed,
        batch=_BATCH,
    )


def against_orders(
    rho: float | None,
    correlation: Callable[[np.ndarray], np.ndarray],
    count: int,
    *,
    permutations: int,
    seed: int,
    batch: int,
) -> dict[str, Any]:
    """Compares a correlation with those of permuted classes.

    Args:
        rho: The correlation; `None` if it is not defined.
        correlation: Function of orders of the classes, `(..., K)` int, to the
            correlations with that order, `(...)`.
        count: Number of classes, K.
        permutations: Largest number of orders to draw.
        seed: Seed of the draw.
        batch: Orders at a time.

    Returns:
        As `mantel`.
    """
    if rho is None:
        return {"rho": None, "p": None, "p_opposite": None, "orders": 0}
    is_exact = math.factorial(count) <= permutations + 1
    null = scipy.stats.permutation_test(
        (np.arange(count),),
        lambda orders, axis: correlation(
            np.moveaxis(orders, axis, -1).astype(int)
        ),
        permutation_type="pairings",
        vectorized=True,
        n_resamples=permutations + is_exact,
        batch=batch,
        random_state=np.random.default_rng(seed),  # `rng` since SciPy 1.15
    ).null_distribution
    # A sample lacks the observed order, which its p must count.
    added = int(not is_exact)
    orders = len(null) + added
    # Equal correlations differ in the last bits of their sums.
    return {
        "rho": rho,
        "p": (int((null >= rho - _ROUNDING).sum()) + added) / orders,
        "p_opposite": (int((null <= rho + _ROUNDING).sum()) + added) / orders,
        "orders": orders,
    }


def spread(values: Iterable[float | None]) -> dict[str, float | None]:
    """`mean`, `low` (5%) and `high` (95%) of those that are not `None`."""
    known = np.array([value for value in values if value is not None])
    if not len(known):
        return {"mean": None, "low": None, "high": None}
    return {
        "mean": float(known.mean()),
        "low": float(np.quantile(known, 0.05)),
        "high": float(np.quantile(known, 0.95)),
    }


def centred_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks along the last axis: mean 0, norm 1; 0 if all are equal."""
    ranks = scipy.stats.rankdata(values, axis=-1)
    ranks -= ranks.mean(axis=-1, keepdims=True)
    norm = np.linalg.norm(ranks, axis=-1, keepdims=True)
    return np.divide(ranks, norm, where=norm > 0, out=np.zeros_like(ranks))


def _matrix_of_ranks(matrix: np.ndarray) -> np.ndarray | None:
    """Ranks of the distances, `(K, K)`: mean 0, norm 1; `None` if undefined."""
    count = len(matrix)
    if count < 3:
        return None
    above = np.triu_indices(count, 1)
    # Distances that are equal in exact arithmetic share a rank.
    values = matrix[above]
    ranks = centred_ranks(np.round(values / max(values.max(), 1e-300), 9))
    if not ranks.any():
        return None
    result = np.zeros((count, count))
    result[above] = ranks / math.sqrt(2)
    return result + result.T


def procrustes(first: np.ndarray, second: np.ndarray) -> float:
    """Disparity left after shift, rotation, reflection and scale.

    Args:
        first: Class vectors, `(K, m)`.
        second: Class vectors, `(K, m)`.

    Returns:
        The disparity of `scipy.spatial.procrustes`, from 0 (the same shape)
        to 1.
    """
    return float(scipy.spatial.procrustes(first, second)[2])


def nearest(matrix: np.ndarray) -> np.ndarray:
    """Finds the nearest other class of each class, `(K,)`."""
    others = matrix + np.diag(np.full(len(matrix), np.inf))
    return others.argmin(axis=1)
