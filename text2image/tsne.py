"""t-SNE over all pairs of points, compiled by XLA.

L. van der Maaten and G. Hinton, Visualizing Data using t-SNE, JMLR 9 (2008).
Nothing is approximated: at the some thousands of points that features are, a
plain pass over all pairs takes less time than Barnes-Hut's trees.
"""

from collections.abc import Callable
from concurrent import futures

import numpy as np
import tensorflow as tf

from text2image import processors

# The schedule is scikit-learn's: attraction exaggerated and little momentum
# at first, and gains of each coordinate (Jacobs 1988) as in the paper's code.
_EARLY_STEPS = 250
_EXAGGERATION = 12.0
_EARLY_MOMENTUM, _MOMENTUM = 0.5, 0.8
_LEAST_GAIN = 0.01
_LEAST_AFFINITY = np.float32(np.finfo(np.float64).eps)
# Rows of pairs computed at a time: a few of their arrays fit into the cache.
_BLOCK = 256
# Farther than any point: what pads the last block weighs 1e-36.
_FAR = 1e18
# Halvings of the interval of the logarithm of a row's precision.
_HALVINGS = 30
_INTERVAL = (-10.0, 40.0)


def embed(
    squared: np.ndarray,
    start: np.ndarray,
    *,
    perplexity: float,
    learning_rate: float,
    max_iter: int,
    progress: Callable[[int], object] = lambda _: None,
) -> tuple[np.ndarray, float]:
    """Lays points out in the plane.

    The same arguments give the same coordinates, whatever the threads.

    Args:
        squared: `(F, F)` squared distances; symmetric, the diagonal 0.
        start: `(F, 2)` where the points start.
        perplexity: Effective number of neighbours, below F.
        learning_rate: Of the descent; 0 takes F / 48, at least 50 (Belkina
            et al. 2019, doi:10.1038/s41467-019-13055-y, and scikit-learn,
            whose rates are a quarter of theirs).
        max_iter: Steps.
        progress: Called with 1 after each.

    Returns:
        `(F, 2)` float64 coordinates and the Kullback-Leibler divergence of
        all pairs.
    """
    processors.one_thread_a_program()
    rate = learning_rate or max(len(start) / _EXAGGERATION / 4, 50.0)
    joint = joint_probabilities(squared, perplexity)
    points = np.asarray(start, np.float32)
    threads = processors.count()
    with futures.ThreadPoolExecutor(threads) as pool:
        shares = _share_out(joint, threads)
        for step in range(max_iter):
            early = step < _EARLY_STEPS
            if step in (0, _EARLY_STEPS):  # each phase from rest
                update, gains = np.zeros_like(points), np.ones_like(points)
            attraction, repulsion = _forces(points, shares, pool)
            if early:
                attraction *= _EXAGGERATION
            slope = 4.0 * (attraction - repulsion)
            gains = np.where(update * slope < 0, gains + 0.2, gains * 0.8)
            gains = np.maximum(gains, _LEAST_GAIN)
            update = (_EARLY_MOMENTUM if early else _MOMENTUM) * update
            update -= rate * gains * slope
            points = points + update
            progress(1)
    return points.astype(np.float64), divergence(joint, points)


def joint_probabilities(squared: np.ndarray, perplexity: float) -> np.ndarray:
    """The affinities p_ij: equation 1, made symmetric, their sum 1.

    Args:
        squared: `(F, F)` squared distances, the diagonal 0.
        perplexity: Of every row, where its distances allow it.

    Returns:
        `(F, F)` float32, at least 2.2e-16, the diagonal 0.
    """
    joint = np.empty(squared.shape, np.float32)

    def fill(first: int) -> None:
        block = slice(first, first + _BLOCK)
        joint[block] = _conditional(squared[block], first, np.log(perplexity))

    with futures.ThreadPoolExecutor(processors.count()) as pool:
        list(pool.map(fill, range(0, len(squared), _BLOCK)))
    joint += joint.T
    joint /= joint.sum(dtype=np.float64)
    # As scikit-learn; and numbers too small for float32 are slow.
    np.maximum(joint, _LEAST_AFFINITY, out=joint)
    np.fill_diagonal(joint, 0.0)
    return joint


def _conditional(squared: np.ndarray, first: int, entropy: float) -> np.ndarray:
    """Rows `first`... of p_j|i, of a given entropy in nats, float32."""
    rows = np.arange(len(squared))
    itself = rows, rows + first
    distances = squared.astype(np.float32)
    distances[itself] = np.inf
    # Only differences within a row count; and the nearest must not vanish.
    distances -= distances.min(axis=1, keepdims=True)
    distances[itself] = 0.0
    distances /= distances.mean(axis=1, keepdims=True) + 1e-30
    low, high = (np.full((len(rows), 1), end, np.float32) for end in _INTERVAL)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        precision = np.exp(middle)
        weights = np.exp(-precision * distances)
        weights[itself] = 0.0
        total = weights.sum(axis=1, keepdims=True)
        mean = np.einsum("ij,ij->i", weights, distances)[:, None] / total
        wide = np.log(total) + precision * mean > entropy
        low, high = np.where(wide, middle, low), np.where(wide, high, middle)
    return weights / total


def divergence(joint: np.ndarray, points: np.ndarray) -> float:
    """Kullback-Leibler divergence of the affinities in the plane, equation 3.

    Args:
        joint: `(F, F)` p_ij.
        points: `(F, 2)`.
    """
    points = np.asarray(points, np.float64)

    def sums(first: int) -> tuple[float, float]:
        block = slice(first, first + _BLOCK)
        apart = np.ones((len(points[block]), len(points)))
        for axis in points.T:
            difference = axis[block, None] - axis
            apart += np.square(difference, out=difference)
        p = joint[block].astype(np.float64)
        inner = (p * np.log(np.maximum(p, 1e-300) * apart)).sum()
        return float(inner), float((1.0 / apart).sum())

    with futures.ThreadPoolExecutor(processors.count()) as pool:
        found = list(pool.map(sums, range(0, len(points), _BLOCK)))
    inner, weights = np.sum(found, axis=0)
    # Pairs of a point with itself, whose weight is 1, do not count.
    return float(inner + np.log(weights - len(points)))


def gradient(joint: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Slope of the divergence at each point, equation 5: `(F, 2)` float32."""
    with futures.ThreadPoolExecutor(1) as pool:
        attraction, repulsion = _forces(points, _share_out(joint, 1), pool)
    return 4.0 * (attraction - repulsion)


_Share = tuple[slice, tf.Tensor]


def _share_out(joint: np.ndarray, threads: int) -> list[_Share]:
    """Runs of whole blocks of rows for each thread: `(n, _BLOCK, F)`."""
    count = len(joint)
    blocks = -(-count // _BLOCK)
    shares = []
    for part in np.array_split(np.arange(blocks), min(threads, blocks)):
        rows = slice(part[0] * _BLOCK, (part[-1] + 1) * _BLOCK)
        mine = joint[rows]
        mine = np.pad(mine, ((0, rows.stop - rows.start - len(mine)), (0, 0)))
        shares.append(
            (rows, tf.constant(mine.reshape(len(part), _BLOCK, count)))
        )
    return shares


def _forces(
    points: np.ndarray, shares: list[_Share], pool: futures.Executor
) -> tuple[np.ndarray, np.ndarray]:
    """Both sums of the gradient, equation 5, `(F, 2)` float32 each.

    With w_ij = 1 / (1 + |y_i - y_j|^2) and Z the sum of all w_ij, those over
    j of p_ij w_ij (y_i - y_j) and of w_ij^2 (y_i - y_j) / Z.
    """
    count = len(points)
    everywhere = tf.constant(points)
    padded = np.full((max(r.stop for r, _ in shares), 2), _FAR, np.float32)
    padded[:count] = points

    def sums(share: _Share) -> tuple[np.ndarray, ...]:
        rows, joint = share
        mine = tf.constant(padded[rows].reshape(-1, _BLOCK, 2))
        return tuple(x.numpy() for x in _sums(joint, mine, everywhere))

    found = list(pool.map(sums, shares))
    attracting, repelling, weights = (
        np.concatenate(parts) for parts in zip(*found, strict=True)
    )
    # Without the pairs of a point with itself, whose weight is 1.
    total = np.float32(weights.sum(dtype=np.float64) - count)
    # The sum of c_ij (y_i - y_j), from those of c_ij (y_j, 1).
    attraction, repulsion = (
        s[:, 2:] * points - s[:, :2]
        for s in (
            attracting.reshape(-1, 3)[:count],
            repelling.reshape(-1, 3)[:count] / total,
        )
    )
    return attraction, repulsion


@tf.function(jit_compile=True)
def _sums(
    joint: tf.Tensor, mine: tf.Tensor, points: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Of blocks of rows: sums of p w (y, 1), of w^2 (y, 1), and of w."""
    y = tf.concat([points, tf.ones_like(points[:, :1])], axis=1)

    def of_block(
        block: tuple[tf.Tensor, tf.Tensor],
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        p, (horizontal, vertical) = block[0], tf.unstack(block[1], axis=1)
        weight = 1.0 / (
            1.0
            + tf.square(horizontal[:, None] - points[None, :, 0])
            + tf.square(vertical[:, None] - points[None, :, 1])
        )
        return (
            tf.matmul(p * weight, y),
            tf.matmul(tf.square(weight), y),
            tf.reduce_sum(weight, axis=0),
        )

    return tf.map_fn(
        of_block, (joint, mine), fn_output_signature=(tf.float32,) * 3
    )
