"""t-SNE over all pairs of points.

L. van der Maaten and G. Hinton, Visualizing Data using t-SNE, JMLR 9 (2008).
Nothing is approximated: for the few thousand features of a stack, a plain pass
over all pairs takes less time than the trees of Barnes-Hut, which exists for
the paper preset only (`projection.py`).
"""

from collections.abc import Callable
from concurrent import futures

import numpy as np

from text2image import cpu
from text2image.deepinsight import tsne_forces

# The schedule is scikit-learn's: first exaggerated attraction and low momentum;
# gains per coordinate (Jacobs 1988) as in the paper's code.
_EARLY_STEPS = 250
# Norm of the gradient that ends the first phase early: without clusters,
# attraction draws all points together, and float32 underflows at 1e-38.
_LEAST_SLOPE = 1e-25
_EXAGGERATION = 12.0
_EARLY_MOMENTUM, _MOMENTUM = 0.5, 0.8
_LEAST_GAIN = 0.01
_LEAST_AFFINITY = np.float32(np.finfo(np.float64).eps)
# Rows of pairs per task of a thread; a few such arrays fit into its cache.
_BLOCK = 256
# Bisection steps for the logarithm of a row's precision, to 3e-6.
_BISECTIONS = 24
_INTERVAL = (-10.0, 40.0)


def embed(
    squared: np.ndarray,
    start: np.ndarray,
    *,
    perplexity: float,
    learning_rate: float,
    max_iter: int,
    device: str = "cpu",
    progress: Callable[[int], object] = lambda _: None,
) -> tuple[np.ndarray, float]:
    """Lays points out in the plane.

    The result does not depend on the number of threads.

    Args:
        squared: Squared distances, `(F, F)`; symmetric, with zero diagonal.
        start: Initial coordinates, `(F, 2)`.
        perplexity: Effective number of neighbours, below F.
        learning_rate: Step size; 0 takes F / 48, at least 50 (Belkina et al.
            2019, doi:10.1038/s41467-019-13055-y, and scikit-learn, whose rates
            are a quarter of theirs).
        max_iter: Number of steps.
        device: `cpu`, or `gpu` for TensorFlow's first GPU, whose sums are
            rounded differently.
        progress: Called with 1 after each step.

    Returns:
        `(F, 2)` float64 coordinates and their Kullback-Leibler divergence.
    """
    rate = learning_rate or max(len(start) / _EXAGGERATION / 4, 50.0)
    joint = joint_probabilities(squared, perplexity)
    # Centred doubles: small differences must not vanish.
    points = np.array(start, np.float64)
    early_steps = _EARLY_STEPS
    with futures.ThreadPoolExecutor(cpu.count()) as pool:
        forces = _pair_forces(joint, pool, device)
        for step in range(max_iter):
            early = step < early_steps
            if step in (0, early_steps):  # each phase from rest
                update, gains = np.zeros_like(points), np.ones_like(points)
            attraction, repulsion = forces(points)
            if early:
                attraction *= _EXAGGERATION
            slope = 4.0 * (attraction - repulsion)
            if early and np.linalg.norm(slope) <= _LEAST_SLOPE:
                early_steps = step + 1
            gains = np.where(update * slope < 0, gains + 0.2, gains * 0.8)
            gains = np.maximum(gains, _LEAST_GAIN)
            update = (_EARLY_MOMENTUM if early else _MOMENTUM) * update
            update -= rate * gains * slope
            points += update
            points -= points.mean(axis=0)
            progress(1)
    return points, divergence(joint, points)


def joint_probabilities(squared: np.ndarray, perplexity: float) -> np.ndarray:
    """Computes the affinities p_ij: equation 1, symmetric, with sum 1.

    Args:
        squared: Squared distances, `(F, F)`, with zero diagonal.
        perplexity: Perplexity of every row whose distances allow it.

    Returns:
        `(F, F)` float32, at least 2.2e-16, with zero diagonal.
    """
    joint = np.empty(squared.shape, np.float32)

    def fill(first: int) -> None:
        block = slice(first, first + _BLOCK)
        _conditional(squared[block], first, np.log(perplexity), joint[block])

    with futures.ThreadPoolExecutor(cpu.count()) as pool:
        list(pool.map(fill, range(0, len(squared), _BLOCK)))
    joint += joint.T
    joint /= joint.sum(dtype=np.float64)
    # As scikit-learn does; subnormal floats are slow besides.
    np.maximum(joint, _LEAST_AFFINITY, out=joint)
    np.fill_diagonal(joint, 0.0)
    return joint


def _conditional(
    squared: np.ndarray, first: int, entropy: float, weights: np.ndarray
) -> None:
    """Writes rows `first`... of p_j|i with an entropy in nats to `weights`."""
    rows = np.arange(len(squared))
    diagonal = rows, rows + first
    distances = squared.astype(np.float32)
    distances[diagonal] = np.inf
    # Only differences within a row matter, and the nearest must not vanish.
    distances -= distances.min(axis=1, keepdims=True)
    distances[diagonal] = 0.0
    distances /= distances.mean(axis=1, keepdims=True) + 1e-30
    low, high = (np.full((len(rows), 1), end, np.float32) for end in _INTERVAL)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        precision = np.exp(middle)
        np.multiply(distances, -precision, out=weights)
        np.exp(weights, out=weights)
        weights[diagonal] = 0.0
        total = weights.sum(axis=1, keepdims=True)
        mean = np.einsum("ij,ij->i", weights, distances)[:, None] / total
        wide = np.log(total) + precision * mean > entropy
        low, high = np.where(wide, middle, low), np.where(wide, high, middle)
    weights /= total


def divergence(joint: np.ndarray, points: np.ndarray) -> float:
    """Computes the Kullback-Leibler divergence of the plane, equation 3.

    Args:
        joint: Affinities p_ij, `(F, F)`.
        points: Coordinates, `(F, 2)`.
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

    with futures.ThreadPoolExecutor(cpu.count()) as pool:
        parts = list(pool.map(sums, range(0, len(points), _BLOCK)))
    inner, weights = np.sum(parts, axis=0)
    # Without the diagonal, whose weights are 1.
    return float(inner + np.log(weights - len(points)))


def gradient(joint: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Computes the gradient of the divergence, equation 5, `(F, 2)` float32."""
    with futures.ThreadPoolExecutor(1) as pool:
        attraction, repulsion = tsne_forces.PairForces(joint, pool)(points)
    return 4.0 * (attraction - repulsion)


def _pair_forces(
    joint: np.ndarray, pool: futures.Executor, device: str
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Returns what computes both sums of the gradient on the device."""
    if device == "cpu":
        return tsne_forces.PairForces(joint, pool)
    # TensorFlow takes seconds to import.
    from text2image.deepinsight import tsne_tensorflow

    return tsne_tensorflow.PairForces(joint)
