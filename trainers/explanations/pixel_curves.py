"""Deletion and insertion: what a model answers as pixels go or come."""

import numpy as np

# Shares of the occupied pixels that are deleted or inserted.
SHARES = np.linspace(0.0, 1.0, 21)


def steps(
    image: np.ndarray,
    baseline: np.ndarray,
    scores: np.ndarray,
    occupied: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Deletes and inserts the pixels of an image, the highest scores first.

    Source: Petsiuk et al. 2018, arXiv 1806.07421. There, a deleted pixel is
    black and an inserted one replaces a blurred one; here, both are those of
    the mean train image, as black is a value like any other on a map, and
    neighbours need not be alike. Pixels with the same score keep their order.

    Args:
        image: `(H, W, C)`.
        baseline: Image whose pixels replace the deleted ones.
        scores: `(H, W, C)`, the order of the pixels.
        occupied: `(H, W, C)` bool, the pixels that are deleted.

    Returns:
        The images of the deletion and of the insertion, each
        `(S, H, W, C)` float32 for the S `SHARES`.
    """
    (places,) = np.nonzero(occupied.ravel())
    order = places[np.argsort(-scores.ravel()[places], kind="stable")]
    rank = np.full(image.size, len(order))
    rank[order] = np.arange(len(order))
    counts = np.round(SHARES * len(order)).astype(int)
    is_first = (rank < counts[:, None]).reshape(-1, *image.shape)
    without = np.where(occupied, baseline, image)
    return (
        np.where(is_first, without, image).astype(np.float32),
        np.where(is_first, image, without).astype(np.float32),
    )


def area(curves: np.ndarray) -> np.ndarray:
    """Area below curves `(..., S)` over `SHARES`, `(...)`: low for deletion."""
    return np.trapezoid(curves, SHARES, axis=-1)
