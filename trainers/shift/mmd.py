"""Maximum mean discrepancy of two samples, and its permutation test.

Source: Gretton et al. 2012, "A kernel two-sample test", JMLR 13.
"""

import numpy as np
from scipy.spatial import distance

_DIVISIONS = 1000  # in memory at a time


def gaussian_kernel(points: np.ndarray) -> np.ndarray:
    """Returns exp(-|x - y|^2 / (2 m^2)) of all pairs.

    m is the median distance between two of the points, of both samples
    together (section 8 of the source). Where most points coincide, m is the
    mean distance; where all do, the kernel is 1.

    Args:
        points: Both samples, one after the other, `(N, P)`.

    Returns:
        `(N, N)` float64.
    """
    squares = distance.pdist(points.astype(np.float64), "sqeuclidean")
    median = np.median(np.sqrt(squares))
    width = median or np.sqrt(squares).mean() or 1.0
    return np.exp(-distance.squareform(squares) / (2 * width**2))


def discrepancy(kernel: np.ndarray, is_first: np.ndarray) -> np.ndarray:
    """Estimates MMD^2 without bias (Eq. 3 of the source).

    The mean of the kernel within the first sample, plus that within the
    second, less twice that between them; a point is not paired with itself.

    Args:
        kernel: `(N, N)`, symmetric.
        is_first: `(..., N)` bool, which points are of the first sample; each
            sample has at least two.

    Returns:
        `(...)` float64; below 0 by chance where the samples are alike.
    """
    chosen = is_first.astype(np.float64)
    pairs = kernel - np.diag(np.diag(kernel))
    of_point = chosen @ pairs  # (..., N): kernel with the first sample
    within_first = (of_point * chosen).sum(axis=-1)
    between = (chosen * pairs.sum(axis=0)).sum(axis=-1) - within_first
    within_second = pairs.sum() - within_first - 2 * between
    m = chosen.sum(axis=-1)
    n = chosen.shape[-1] - m
    return (
        within_first / (m * (m - 1))
        + within_second / (n * (n - 1))
        - 2 * between / (m * n)
    )


def permutation_test(
    first: np.ndarray, second: np.ndarray, permutations: int, seed: int
) -> tuple[float, float]:
    """Tests whether two samples are of one distribution.

    Args:
        first: `(m, P)`, m at least 2.
        second: `(n, P)`, n at least 2.
        permutations: Random divisions of all points into m and n.
        seed: Seed of the divisions.

    Returns:
        MMD^2, and p: the share of divisions, the true one included, that have
        at least this MMD^2 (Phipson and Smyth 2010: it is never 0, and at
        most `a` of p are `a` or less if the samples are alike).
    """
    kernel = gaussian_kernel(np.concatenate([first, second]))
    is_first = np.arange(len(kernel)) < len(first)
    rng = np.random.default_rng(seed)
    observed = float(discrepancy(kernel, is_first))
    # Rounding must not tell a division from itself.
    least = observed - 1e-12
    count = 0
    for start in range(0, permutations, _DIVISIONS):
        size = min(_DIVISIONS, permutations - start)
        divisions = rng.permuted(
            np.broadcast_to(is_first, (size, len(kernel))), axis=1
        )
        count += int((discrepancy(kernel, divisions) >= least).sum())
    return observed, (1 + count) / (1 + permutations)
