"""Distances between features from their Gram matrix."""

import numpy as np


def squared_distances(gram: np.ndarray) -> np.ndarray:
    """Returns |f_i - f_j|^2 = G_ii + G_jj - 2 G_ij >= 0, `(F, F)` float64."""
    half = np.diag(gram) / 2
    squared = half[:, None] + half
    squared -= gram
    squared *= 2.0
    np.fill_diagonal(squared, 0.0)
    return np.maximum(squared, 0.0, out=squared)


def cosine_distances(gram: np.ndarray) -> np.ndarray:
    """Returns 1 - cos(f_i, f_j) in [0, 2], `(F, F)` float64.

    A zero feature has distance 1 from all others and 0 from other zeros.
    """
    norms = np.sqrt(np.diag(gram))
    inverse = np.zeros_like(norms)
    np.divide(1.0, norms, out=inverse, where=norms > 0)
    distances = gram * inverse[:, None]
    distances *= inverse
    np.subtract(1.0, distances, out=distances)
    zero = norms == 0
    distances[np.ix_(zero, zero)] = 0.0
    np.fill_diagonal(distances, 0.0)
    return np.clip(distances, 0.0, 2.0, out=distances)
