"""Class vectors from W2, their numerical error, and their 2-D views.

numpy only, in float64. The docstring of the package has the derivation.
"""

import numpy as np

# Relative rounding error of W2, which is float32.
_ROUNDING = float(np.finfo(np.float32).eps)
_WORST_ERROR = 1e-3  # above it, W2 counts as ill-conditioned


def condition_number(weights: np.ndarray) -> float:
    """Largest over smallest singular value of W2, `(K, m)`; may be inf."""
    values = np.linalg.svd(weights.astype(np.float64), compute_uv=False)
    return float(values[0] / values[-1]) if values[-1] > 0 else float("inf")


def relative_error(weights: np.ndarray) -> float:
    """Bound of the relative error of the inverse, from the rounding of W2.

    Source: condition number times relative change of the matrix (Golub and
    Van Loan 2013, Matrix Computations, section 2.6).
    """
    return condition_number(weights) * _ROUNDING


def is_ill_conditioned(weights: np.ndarray) -> bool:
    """Whether rounding alone may move vectors by more than 0.1%."""
    return relative_error(weights) > _WORST_ERROR


def resolve(inverse: str, shape: tuple[int, int]) -> str:
    """Replaces `auto` by the inverse it means for a W2 of this shape."""
    if inverse != "auto":
        return inverse
    return "inverse" if shape[0] == shape[1] else "pinv"


def require_square(inverse: str, num_classes: int, hidden: int) -> None:
    """Refuses an inverse that W2 of this shape, `(K, m)`, does not have."""
    if inverse == "inverse" and hidden != num_classes:
        raise ValueError(
            "--inverse=inverse needs as many hidden units as classes. "
            f"Received: {hidden} hidden units and {num_classes} classes. Use "
            "--inverse=pinv or --inverse=ridge, or --hidden=0."
        )


def class_vectors(
    weights: np.ndarray, inverse: str = "auto", ridge: float = 0.0
) -> np.ndarray:
    """V = (W2^-1)^T: the hidden vector that W2 sends to each one-hot output.

    Args:
        weights: W2, `(K, m)`.
        inverse: `inverse`: the inverse; needs K = m. `pinv`: v_k is the
            shortest of the vectors that bring W2 v closest to e_k; singular
            values below the rounding of float32 count as 0. `centred`: `pinv`
            of W2 minus the mean of its rows, the part of W2 that softmax
            sees. `ridge`: v_k minimises |W2 v - e_k|^2 + ridge * s^2 * |v|^2,
            with s the largest singular value. `auto`: see `resolve`.
        ridge: Strength of `ridge`, 0 or more; other inverses ignore it.

    Returns:
        V, `(K, m)` float64; row k belongs to class k.

    Raises:
        ValueError: If W2 is not finite, not square where it must be, or
            singular up to the rounding of float32.
    """
    weights = weights.astype(np.float64)
    if not np.isfinite(weights).all():
        raise ValueError(
            "W2 must be finite. Train again with a lower --learning_rate."
        )
    inverse = resolve(inverse, weights.shape)
    if inverse == "inverse":
        _require_invertible(weights)
        return np.linalg.inv(weights).T
    if inverse == "centred":
        weights = weights - weights.mean(axis=0)
    left, values, right = np.linalg.svd(weights, full_matrices=False)
    if inverse == "ridge" and ridge > 0:
        # A matrix of zeros has vectors of zeros, as with pinv.
        scale = max(values[0], np.finfo(float).tiny)
        factors = values / scale / ((values / scale) ** 2 + ridge) / scale
    else:
        cut = max(weights.shape) * _ROUNDING * values[0]
        factors = np.divide(
            1.0, values, where=values > cut, out=np.zeros_like(values)
        )
    return (left * factors) @ right


def _require_invertible(weights: np.ndarray) -> None:
    require_square("inverse", *weights.shape)
    condition = condition_number(weights)
    if condition * _ROUNDING >= 1:
        raise ValueError(
            f"W2 is singular: its condition number {condition:.3g} is beyond "
            f"float32 ({1 / _ROUNDING:.3g}), so its inverse is noise. Use "
            "--inverse=pinv or --inverse=ridge; nothing is trained again."
        )


def to_plane(vectors: np.ndarray, method: str) -> np.ndarray:
    """Projects class vectors to the plane.

    Args:
        vectors: Class vectors, `(K, m)`.
        method: `pca` centres them, as the paper says; `svd` does not, as the
            published code (TruncatedSVD of scikit-learn).

    Returns:
        Points `(K, 2)`; the largest coordinate of each axis is positive. With
        one hidden unit the second coordinate is 0.
    """
    if method == "pca":
        vectors = vectors - vectors.mean(axis=0)
    left, values, _ = np.linalg.svd(vectors, full_matrices=False)
    points = (left * values)[:, :2]
    points = np.pad(points, ((0, 0), (0, 2 - points.shape[1])))
    largest = points[np.abs(points).argmax(axis=0), [0, 1]]
    return points * np.where(largest < 0, -1, 1)


def normalize(vectors: np.ndarray) -> np.ndarray:
    """Scales rows to length 1, as the published code does with 2-D points."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(
        vectors, lengths, where=lengths > 0, out=np.zeros_like(vectors)
    )
