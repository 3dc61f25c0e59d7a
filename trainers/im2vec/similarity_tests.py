"""Do near class vectors mean like classes? Rank correlations, honestly tested.

numpy and scipy only.
"""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.spatial
import scipy.stats

METRICS = ("euclidean", "cosine")
_CHUNK = 512  # permutations at a time, (chunk, K, K) in memory


def distances(rows: np.ndarray, metric: str = "euclidean") -> np.ndarray:
    """`(K, K)` distances of rows `(K, m)`."""
    return scipy.spatial.distance.squareform(
        scipy.spatial.distance.pdist(rows, metric)
    )


def confusion_distances(confusion: np.ndarray) -> np.ndarray:
    """`(K, K)`: 1 minus the share of k and l taken for each other.

    Args:
        confusion: `(K, K)` counts, rows are true classes. A class without
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
        None where it is not defined: under three classes, or if all the
        distances of one matrix are equal.
    """
    ranks = _centred_ranks(first), _centred_ranks(second)
    if ranks[0] is None or ranks[1] is None:
        return None
    return float((ranks[0] * ranks[1]).sum())


def mantel(
    first: np.ndarray,
    second: np.ndarray,
    *,
    permutations: int,
    seed: int,
) -> dict[str, Any]:
    """Mantel's test: Spearman's correlation against permuted classes.

    Pairs of classes are not independent, so that the usual p of a
    correlation would flatter; the classes of one matrix are permuted instead,
    rows and columns together (Mantel 1967, Cancer Research 27, 209). All K!
    orders are taken where there are no more than asked for, and the test is
    then exact.

    Args:
        first: `(K, K)` distances.
        second: Likewise.
        permutations: Most orders drawn.
        seed: Of the draw.

    Returns:
        `rho`; `p`, the share of orders with as large a correlation or larger
        (one-sided: the claim has a direction); `p_opposite`, as small or
        smaller; `orders` compared, the observed one among them. `rho`, `p`
        and `p_opposite` are None where `spearman` is.
    """
    rho = spearman(first, second)
    if rho is None:
        return {"rho": None, "p": None, "p_opposite": None, "orders": 0}
    fixed, moved = _centred_ranks(first), _centred_ranks(second)
    assert fixed is not None
    assert moved is not None
    higher = lower = orders = 0
    for chunk in _orders(len(first), permutations, seed):
        permuted = moved[chunk[:, :, None], chunk[:, None, :]]
        found = np.einsum("kl,nkl->n", fixed, permuted)
        # Equal correlations differ in the last bits of their sums.
        higher += int((found >= rho - 1e-9).sum())
        lower += int((found <= rho + 1e-9).sum())
        orders += len(chunk)
    return {
        "rho": rho,
        "p": higher / orders,
        "p_opposite": lower / orders,
        "orders": orders,
    }


def _centred_ranks(matrix: np.ndarray) -> np.ndarray | None:
    """Ranks of the upper triangle in both, with mean 0 and norm 1."""
    count = len(matrix)
    if count < 3:
        return None
    above = np.triu_indices(count, 1)
    # Distances that are equal in exact arithmetic share a rank.
    values = matrix[above]
    ranks = scipy.stats.rankdata(
        np.round(values / max(values.max(), 1e-300), 9)
    )
    ranks -= ranks.mean()
    norm = np.linalg.norm(ranks) * math.sqrt(2)
    if norm == 0:
        return None
    result = np.zeros((count, count))
    result[above] = ranks / norm
    return result + result.T


def _orders(count: int, permutations: int, seed: int) -> Iterator[np.ndarray]:
    """Chunks `(n, K)` of orders of K classes; the first is the identity."""
    if math.factorial(count) <= permutations + 1:
        every = itertools.permutations(range(count))
        while chunk := list(itertools.islice(every, _CHUNK)):
            yield np.array(chunk)
        return
    yield np.arange(count)[None]
    rng = np.random.default_rng(seed)
    for start in range(0, permutations, _CHUNK):
        size = min(_CHUNK, permutations - start)
        yield rng.permuted(np.tile(np.arange(count), (size, 1)), axis=1)


def procrustes(first: np.ndarray, second: np.ndarray) -> float:
    """What no shift, rotation, reflection or scale makes agree.

    Args:
        first: Class vectors `(K, m)`.
        second: Of the same shape.

    Returns:
        scipy.spatial.procrustes' disparity, from 0 (the same shape) to 1.
    """
    return float(scipy.spatial.procrustes(first, second)[2])


def nearest(matrix: np.ndarray) -> np.ndarray:
    """`(K,)`: every class's nearest other class."""
    apart = matrix + np.diag(np.full(len(matrix), np.inf))
    return apart.argmin(axis=1)
