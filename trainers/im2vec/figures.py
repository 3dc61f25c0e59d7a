"""Figures of class vectors in the plane, with names and mean images."""

import matplotlib.axes
import matplotlib.figure
import matplotlib.offsetbox
import matplotlib.patches
import numpy as np
import scipy.optimize

from text2image import figure_text

_THUMBNAIL_INCHES = 0.42
_WITH_IMAGES = 20  # most classes with mean images; more are dots
_FEW = 6  # most classes with room for long names
_SMALL = 7  # points, the names of dots
# Height of a line, and mean width of a character, in units of the font's size.
_LINE = 1.3
_CHARACTER = 0.6


def thumbnails(class_means: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Converts mean images `(K, P)` to RGB `(K, H, W, 3)` from 0 to 1.

    All have one scale, so that they can be compared. Images that do not have
    three channels become grey: the mean over channels.
    """
    images = class_means.reshape(-1, *shape)
    if shape[-1] != 3:
        images = np.repeat(images.mean(axis=-1, keepdims=True), 3, axis=-1)
    low, high = images.min(), images.max()
    return (images - low) / (high - low if high > low else 1)


def draw_vectors(
    planes: dict[str, np.ndarray],
    class_names: tuple[str, ...],
    images: np.ndarray,
) -> matplotlib.figure.Figure:
    """Draws class vectors in the plane, each with its name and mean image.

    More than 20 classes are dots without images; a name that would cover
    another is left out.

    Args:
        planes: Titles of the four views to points, `(K, 2)` each.
        class_names: K class names.
        images: Mean images from 0 to 1, `(K, H, W, 3)`.
    """
    has_images = len(class_names) <= _WITH_IMAGES
    labels = figure_text.class_labels(
        class_names, 28 if len(class_names) <= _FEW else 18
    )
    side = 6.0 if has_images else 8.0  # inches of a view
    figure = matplotlib.figure.Figure(
        figsize=(2 * side, 2 * side - 0.5), layout="constrained"
    )
    for axes, (title, points) in zip(
        figure.subplots(2, 2).flat, planes.items(), strict=True
    ):
        axes.axhline(0, color="0.85", linewidth=0.8, zorder=0)
        axes.axvline(0, color="0.85", linewidth=0.8, zorder=0)
        is_circle = "normalised" in title  # all on the unit circle
        # Rounding is no position: two classes are on a line.
        points = np.where(
            np.abs(points) < 1e-9 * np.abs(points).max(), 0, points
        )
        if is_circle:
            axes.add_patch(
                matplotlib.patches.Circle(
                    (0, 0), 1, fill=False, color="0.85", zorder=0
                )
            )
            axes.scatter(*points.T, s=12, color="black", zorder=2)
            axes.set_aspect("equal")
        shown = len(labels)
        if has_images:
            positions = _spread(axes, points) if is_circle else points
            if not is_circle:
                # Invisible: sets the limits.
                axes.scatter(*points.T, s=1, color="none")
                axes.margins(0.14)
            _draw_classes(axes, positions, labels, images)
        elif is_circle:
            shown = _draw_names_around(axes, points, labels, side)
        else:
            shown = _draw_names_beside(axes, points, labels, side)
        if shown < len(labels):
            title += f"; {shown} of {len(labels)} classes named"
        axes.set_title(title)
    return figure_text.set_fonts(figure)


def _angles(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order of the points round the circle, and their angles in this order.

    The order starts where the circle is emptiest; angles rise.
    """
    angles = np.arctan2(points[:, 1], points[:, 0])
    order = np.argsort(angles)
    gaps = np.diff(angles[order], append=angles[order[0]] + 2 * np.pi)
    order = np.roll(order, -(gaps.argmax() + 1))
    angles = angles[order]
    return order, np.where(angles < angles[0], angles + 2 * np.pi, angles)


def _nearest_apart(angles: np.ndarray, step: float) -> np.ndarray:
    """Nearest angles that are at least a step apart (least squares).

    Equally spaced where the last would run into the first.
    """
    count = len(angles)
    steps = step * np.arange(count)
    spread = scipy.optimize.isotonic_regression(angles - steps).x + steps
    if count > 1 and spread[-1] - spread[0] > 2 * np.pi - step:
        return angles[0] + 2 * np.pi / count * np.arange(count)
    return spread


def _spread(axes: matplotlib.axes.Axes, points: np.ndarray) -> np.ndarray:
    """Joins points of the unit circle to places round it.

    Returns:
        The places `(K, 2)`, with room for a name and an image each.
    """
    axes.set_xlim(-1.75, 1.75)
    axes.set_ylim(-1.75, 1.75)
    order, angles = _angles(points)
    spread = _nearest_apart(angles, min(0.36, 2 * np.pi / len(points)))
    positions = np.empty_like(points)
    positions[order] = 1.45 * np.stack([np.cos(spread), np.sin(spread)], axis=1)
    for position, point in zip(positions, points, strict=True):
        xs, ys = np.stack([position, point], axis=1)
        axes.plot(xs, ys, color="0.6", linewidth=0.6, zorder=1)
    return positions


def _draw_names_around(
    axes: matplotlib.axes.Axes,
    points: np.ndarray,
    labels: list[str],
    side: float,
) -> int:
    """Writes names like spokes round the unit circle; returns how many."""
    limit = 2.3
    axes.set_xlim(-limit, limit)
    axes.set_ylim(-limit, limit)
    order, angles = _angles(points)
    radius = 1.25
    step = _LINE * _SMALL / 72 * 2 * limit / (0.92 * side) / radius
    most = int(2 * np.pi / step)
    if len(order) > most:
        chosen = np.unique(np.linspace(0, len(order) - 1, most).astype(int))
        order, angles = order[chosen], angles[chosen]
    spread = _nearest_apart(angles, step)
    for index, angle in zip(order, spread, strict=True):
        direction = np.array([np.cos(angle), np.sin(angle)])
        xs, ys = np.stack([points[index], radius * direction], axis=1)
        axes.plot(xs, ys, color="0.7", linewidth=0.4, zorder=1)
        is_left = direction[0] < 0
        axes.text(
            radius * direction[0],
            radius * direction[1],
            labels[index],
            fontsize=_SMALL,
            rotation=np.degrees(angle) + (180 if is_left else 0),
            rotation_mode="anchor",
            ha="right" if is_left else "left",
            va="center_baseline",
        )
    return len(order)


def _draw_names_beside(
    axes: matplotlib.axes.Axes,
    points: np.ndarray,
    labels: list[str],
    side: float,
) -> int:
    """Draws dots with names that do not overlap; returns how many names."""
    axes.scatter(
        points[:, 0], points[:, 1], s=6, color="black", alpha=0.7, zorder=5
    )
    axes.margins(0.12, 0.05)
    low = np.array([axes.get_xlim()[0], axes.get_ylim()[0]])
    high = np.array([axes.get_xlim()[1], axes.get_ylim()[1]])
    places = (points - low) / (high - low) * 0.88 * side * 72  # in points
    distances = np.linalg.norm(places[:, None] - places, axis=2)
    np.fill_diagonal(distances, np.inf)
    taken = np.empty((0, 4))
    for index in np.argsort(-distances.min(axis=1), kind="stable"):
        width = _CHARACTER * _SMALL * len(labels[index])
        x, y = places[index]
        box = np.array([x - width / 2, y, x + width / 2, y + _LINE * _SMALL])
        overlaps = (box[:2] < taken[:, 2:]) & (taken[:, :2] < box[2:])
        if overlaps.all(axis=1).any():
            continue
        taken = np.vstack([taken, box])
        axes.annotate(
            labels[index],
            points[index],
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=_SMALL,
            bbox={"facecolor": "white", "alpha": 0.6, "pad": 0, "lw": 0},
            zorder=4,
        )
    return len(taken)


def _draw_classes(
    axes: matplotlib.axes.Axes,
    points: np.ndarray,
    labels: list[str],
    images: np.ndarray,
) -> None:
    """Draws a thumbnail at each point, its name below and never covered."""
    for point, name, image in zip(points, labels, images, strict=True):
        _draw_thumbnail(axes, tuple(point), image)
        axes.annotate(
            name,
            point,
            xytext=(0, -20),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=9,
            bbox={"facecolor": "white", "alpha": 0.6, "pad": 0.5, "lw": 0},
            zorder=4,
        )


def _draw_thumbnail(
    axes: matplotlib.axes.Axes, position: tuple[float, float], image: np.ndarray
) -> None:
    zoom = _THUMBNAIL_INCHES * 72 / max(image.shape[:2])
    box = matplotlib.offsetbox.AnnotationBbox(
        matplotlib.offsetbox.OffsetImage(image, zoom=zoom),
        position,
        pad=0.1,
        bboxprops={"linewidth": 0.5},
    )
    axes.add_artist(box)
