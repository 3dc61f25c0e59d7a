"""Linear centred kernel alignment of two representations of the same images.

Source: Kornblith et al. 2019, "Similarity of neural network representations
revisited", arXiv 1905.00414; the debiased version with the estimator of Song
et al. 2012 (JMLR 13, Eq. 5), as in Nguyen et al. 2021, arXiv 2010.15327.
"""

from collections.abc import Callable

import numpy as np

_COLUMNS = 2**14  # of a representation at a time, as float64


def gram(features: np.ndarray) -> np.ndarray:
    """Multiplies every two images of a representation, less its mean.

    Args:
        features: `(N, P)`; P may be large.

    Returns:
        `(N, N)` float64.
    """
    total = np.zeros((len(features), len(features)))
    for start in range(0, features.shape[1], _COLUMNS):
        part = features[:, start : start + _COLUMNS].astype(np.float64)
        part -= part.mean(axis=0)
        total += part @ part.T
    return total


def similarity(first: np.ndarray, second: np.ndarray) -> float:
    """Returns CKA: 1 for representations that differ by rotation and scale.

    It is far above 0 for random ones of many numbers per image.

    Args:
        first: Gram matrix `(N, N)` of the one representation.
        second: That of the other, of the same images in the same order.
    """
    return _normalised(_biased, first, second)


def debiased_similarity(first: np.ndarray, second: np.ndarray) -> float:
    """Returns CKA whose expectation is 0 for independent representations.

    It may be below 0. Arguments as `similarity`, of at least 4 images.
    """
    return _normalised(_unbiased, first, second)


def _normalised(
    hsic: Callable[[np.ndarray, np.ndarray], float],
    first: np.ndarray,
    second: np.ndarray,
) -> float:
    scale = hsic(first, first) * hsic(second, second)
    return float(hsic(first, second) / np.sqrt(scale)) if scale > 0 else 0.0


def _biased(first: np.ndarray, second: np.ndarray) -> float:
    """HSIC, up to a factor, of Gram matrices that `gram` has centred."""
    return float((first * second).sum())


def _unbiased(first: np.ndarray, second: np.ndarray) -> float:
    """The estimate of HSIC of Song et al. 2012; of no pair with itself."""
    n = len(first)
    k, m = (matrix - np.diag(np.diag(matrix)) for matrix in (first, second))
    whole = k.sum() * m.sum() / ((n - 1) * (n - 2))
    rows = k.sum(axis=0) @ m.sum(axis=0) * 2 / (n - 2)
    return float(((k * m).sum() + whole - rows) / (n * (n - 3)))
