"""UMAP of points whose distances are known, by umap-learn (an extra)."""

import importlib.util
import warnings

import numpy as np

# umap-learn's default, which it lowers itself if there are fewer points, with
# a warning.
_NEIGHBOURS = 15


def check_installed() -> None:
    """Refuses to start without the extra `umap`.

    Raises:
        ValueError: If umap-learn is not installed.
    """
    if importlib.util.find_spec("umap") is None:
        raise ValueError(
            "The projection umap must have umap-learn. Received: none "
            "installed. Use pip install 'text-as-image[umap]', or another "
            "projection."
        )


def embed(distances: np.ndarray, seed: int) -> np.ndarray:
    """Lays points out in the plane with umap-learn's defaults.

    15 neighbours, a least distance of 0.1 and a spectral start (McInnes et al.
    2018, arXiv 1802.03426). The neighbours are found exactly, in one thread:
    the same seed gives the same coordinates.

    Args:
        distances: `(F, F)`, F >= 3, symmetric, with zero diagonal.
        seed: Seed of the start and of the sampled repulsion.

    Returns:
        `(F, 2)` float64 coordinates.

    Raises:
        ValueError: If umap-learn is not installed.
    """
    check_installed()
    import umap  # an extra; takes seconds to import and to compile

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "using precomputed metric")
        # A group of coinciding features has no neighbours outside.
        warnings.filterwarnings("ignore", ".*not fully connected")
        return (
            umap.UMAP(
                metric="precomputed",
                n_neighbors=min(_NEIGHBOURS, len(distances) - 1),
                random_state=seed,
                n_jobs=1,
            )
            .fit_transform(distances)
            .astype(np.float64)
        )
