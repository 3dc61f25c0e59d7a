"""PCA and kernel PCA of features from their Gram matrix."""

import numpy as np
import scipy.sparse.linalg

from text2image.deepinsight import distances


def principal_coordinates(gram: np.ndarray) -> tuple[np.ndarray, float]:
    """Computes the first two principal components of the F features.

    Eigenvectors of the doubly centred Gram matrix, scaled by the root of
    their eigenvalue: what PCA of the (F, N) matrix gives, without it. The
    sign is fixed: the entry of largest size is positive.

    Returns:
        `(F, 2)` float64 coordinates and their share of the variance.
    """
    means = gram.mean(axis=0)
    mean = means.mean()

    def centred(vector: np.ndarray) -> np.ndarray:
        """Multiplies the centred matrix by `vector` without building it."""
        total = vector.sum()
        return gram @ vector - means * total - means @ vector + mean * total

    start = np.linspace(1.0, 2.0, len(gram))  # a fixed start: no randomness
    if len(gram) > 10:
        values, vectors = scipy.sparse.linalg.eigsh(
            scipy.sparse.linalg.LinearOperator(
                gram.shape, matvec=centred, dtype=gram.dtype
            ),
            k=2,
            which="LA",
            v0=start,
        )
    else:  # too small for ARPACK's work space
        whole = np.column_stack([centred(axis) for axis in np.eye(len(gram))])
        values, vectors = np.linalg.eigh(whole)
        values, vectors = values[-2:], vectors[:, -2:]
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, [0, 1]])
    variance = np.trace(gram) - len(gram) * mean
    share = float(values.sum() / max(variance, 1e-300))
    return vectors * np.sqrt(values), share


def kernel_coordinates(gram: np.ndarray) -> tuple[np.ndarray, float]:
    """Computes the first two kernel principal components of the F features.

    Schoelkopf et al. 1998, doi:10.1162/089976698300017467, with the Gaussian
    kernel exp(-gamma |f_i - f_j|^2): what scikit-learn's `KernelPCA` gives for
    the features' rows. 1 / gamma is the mean squared distance between two
    features, so that the kernel follows the scale and number of the rows.
    scikit-learn's default, 1 / N, is 18 times as wide for scaled features.

    Returns:
        As `principal_coordinates`; the variance is that in the kernel's space.
    """
    kernel = distances.squared_distances(gram)
    kernel /= -kernel.sum() / (len(kernel) * (len(kernel) - 1))
    return principal_coordinates(np.exp(kernel, out=kernel))
