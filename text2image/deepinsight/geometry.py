"""Plane geometry of DeepInsight: hull, smallest rectangle, pixels.

Points are `(F, 2)` float64 (x, y). Pixels are (row, col) from the top left:
x runs along the columns, y along the rows.
"""

from collections.abc import Callable

import numpy as np
import scipy.optimize
import scipy.spatial


def convex_hull(points: np.ndarray) -> np.ndarray:
    """Finds the convex hull.

    Args:
        points: Points (x, y), `(F, 2)`.

    Returns:
        Corners, counter-clockwise, the first not repeated, `(V, 2)` float64,
        V >= 3.

    Raises:
        ValueError: If a value is not finite, fewer than three points are
            distinct, or all points lie on one line.
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
            "An image needs at least three features at different points. "
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
    """Finds the rectangle of least area around a convex polygon.

    One of its sides lies on an edge of the polygon (Freeman and Shapira 1975,
    doi:10.1145/360881.360919), so the direction of every edge is tried, the
    closing edge included.

    Args:
        hull: Corners in order, `(V, 2)`.
        compat: Whether to reproduce pyDeepInsight 0.2.3: it leaves out the
            closing edge and rotates the wrong way, so that the rectangle may
            be larger than necessary.

    Returns:
        The angle between the rectangle and the axes, in radians
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
    """Returns the `(2, 2)` matrix R that turns a line at `angle` level.

    Use it as `points @ R.T`.
    """
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, sin], [-sin, cos]])


def assign(
    points: np.ndarray,
    image_shape: tuple[int, int],
    channel: np.ndarray,
    assignment: str,
) -> np.ndarray:
    """Assigns level points to pixels, separately in each channel.

    Args:
        points: Points (x, y), already turned level, `(F, 2)`.
        image_shape: (H, W). The range of each axis over all points is cut
            into that many equal bins.
        channel: `(F,)` integers, the channel of each point.
        assignment: Key of `ASSIGNMENTS`.

    Returns:
        `(F, 2)` int32 (row, col), each axis from 0 to its size - 1.

    Raises:
        ValueError: If the points have no extent along an axis, or `lsa` has
            more points in a channel than pixels.
    """
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    if not (extent > 0).all():
        raise ValueError(
            "Points need an extent along both axes. Received: ranges "
            f"{extent.tolist()}"
        )
    sizes = np.array(image_shape[::-1])  # x is cut into W, y into H
    scaled = (points - low) / extent * sizes
    coords = np.empty((len(points), 2), np.int32)
    for number in np.unique(channel):
        members = channel == number
        coords[members] = ASSIGNMENTS[assignment](scaled[members], image_shape)
    return coords


def _to_bins(scaled: np.ndarray, image_shape: tuple[int, int]) -> np.ndarray:
    """Assigns each point to the pixel it lies in; the maximum to the last."""
    bins = np.floor(scaled).astype(np.int32)[:, ::-1]
    return np.minimum(bins, np.array(image_shape) - 1)


def _to_separate_pixels(
    scaled: np.ndarray, image_shape: tuple[int, int]
) -> np.ndarray:
    """Assigns each point to a separate pixel, with least squared distances.

    Source: linear sum assignment, as pyDeepInsight offers (Crouse 2016,
    doi:10.1109/TAES.2016.140952, is scipy's solver).
    """
    height, width = image_shape
    if len(scaled) > height * width:
        raise ValueError(
            f"--assignment=lsa needs one pixel per feature of a channel. "
            f"Received: {len(scaled)} features for {height} x {width} pixels. "
            "Use larger images, --channels=layers, or --assignment=bin."
        )
    rows, columns = np.indices(image_shape).reshape(2, -1)
    centres = np.column_stack([columns, rows]) + 0.5
    cost = scipy.spatial.distance.cdist(scaled, centres, "sqeuclidean")
    _, pixel = scipy.optimize.linear_sum_assignment(cost)
    return np.column_stack([rows[pixel], columns[pixel]]).astype(np.int32)


# By `options.ASSIGNMENTS`.
ASSIGNMENTS: dict[str, Callable[[np.ndarray, tuple[int, int]], np.ndarray]] = {
    "bin": _to_bins,
    "lsa": _to_separate_pixels,
}
