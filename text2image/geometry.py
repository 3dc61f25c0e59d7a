"""Plane geometry of DeepInsight: hull, smallest rectangle, pixels.

Points are `(F, 2)` float64 (x, y). Pixels are (row, col) from the top left:
x runs along the columns, y along the rows.
"""

import numpy as np
import scipy.spatial


def convex_hull(points: np.ndarray) -> np.ndarray:
    """Corners of the convex hull, counter-clockwise, the first not repeated.

    Args:
        points: `(F, 2)`.

    Returns:
        `(V, 2)` float64, V >= 3.

    Raises:
        ValueError: If a value is not finite, fewer than three points are
            distinct, or all lie on one line.
    """
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(
            f"`points` must be (F, 2). Received: shape={points.shape}"
        )
    if not np.isfinite(points).all():
        raise ValueError("`points` must be finite. Received NaN or infinity.")
    distinct = len(np.unique(points, axis=0))
    if distinct < 3:
        raise ValueError(
            "A picture needs at least three features at different places. "
            f"Received: {distinct} distinct of {len(points)}. Use more "
            "layers, more train texts, or another projection."
        )
    try:
        hull = scipy.spatial.ConvexHull(points)
    except scipy.spatial.QhullError as error:
        raise ValueError(
            "The features must not all lie on one line in the plane. "
            f"Received: {len(points)} points with ranges "
            f"{np.ptp(points, axis=0).tolist()}. Use another projection or "
            "seed."
        ) from error
    return points[hull.vertices]


def minimum_rectangle(
    hull: np.ndarray, *, compat: bool = False
) -> tuple[float, np.ndarray]:
    """Rectangle of least area around a convex polygon.

    One side of it lies on an edge of the polygon (Freeman and Shapira 1975,
    doi:10.1145/360881.360919), so every edge's direction is tried, the
    closing edge's included.

    Args:
        hull: `(V, 2)` corners in order.
        compat: Reproduce pyDeepInsight 0.2.3 instead: the closing edge is
            left out and the trial rotation turns the wrong way, so that the
            rectangle may be larger than need be.

    Returns:
        The angle by which the rectangle is turned from the axes, in radians
        within (-pi/2, pi/2), and its `(4, 2)` corners.
    """
    edges = np.roll(hull, -1, axis=0) - hull
    if compat:
        edges = edges[:-1]
    angles = np.unique(np.arctan2(edges[:, 1], edges[:, 0]) % (np.pi / 2))
    if compat:
        angles = -angles
    rotations = [rotation(angle) for angle in angles]
    extents = np.array([np.ptp(hull @ r.T, axis=0) for r in rotations])
    best = int(np.argmin(extents.prod(axis=1)))
    turned = hull @ rotations[best].T
    (left, low), (right, high) = turned.min(axis=0), turned.max(axis=0)
    corners = np.array([(left, low), (right, low), (right, high), (left, high)])
    return float(angles[best]), corners @ rotations[best]


def rotation(angle: float) -> np.ndarray:
    """`(2, 2)` matrix R; `points @ R.T` turns a line at `angle` level."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, sin], [-sin, cos]])


def discretize(points: np.ndarray, image_shape: tuple[int, int]) -> np.ndarray:
    """Bins level points into pixels.

    The range of each axis is cut into equal bins; the maximum belongs to the
    last one.

    Args:
        points: `(F, 2)` (x, y), already turned level.
        image_shape: (H, W).

    Returns:
        `(F, 2)` int32 (row, col), each axis from 0 to its size - 1.

    Raises:
        ValueError: If the points have no extent along an axis.
    """
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    if not (extent > 0).all():
        raise ValueError(
            "Points need an extent along both axes. Received: ranges "
            f"{extent.tolist()}"
        )
    sizes = np.array(image_shape[::-1])  # x is cut into W, y into H
    bins = np.floor((points - low) / extent * sizes).astype(np.int32)
    return np.minimum(bins, sizes - 1)[:, ::-1].astype(np.int32)
