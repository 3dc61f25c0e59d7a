"""Figures of class vectors, their distances and the confusion matrix."""

import matplotlib.axes
import matplotlib.figure
import matplotlib.offsetbox
import matplotlib.patches
import numpy as np
import scipy.optimize

_THUMBNAIL_INCHES = 0.42
_MANY = 20  # more classes are drawn smaller


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

    Args:
        planes: Titles of the four views to points, `(K, 2)` each.
        class_names: K class names.
        images: Mean images from 0 to 1, `(K, H, W, 3)`.
    """
    figure = matplotlib.figure.Figure(figsize=(12, 11.5), layout="constrained")
    for axes, (title, points) in zip(
        figure.subplots(2, 2).flat, planes.items(), strict=True
    ):
        axes.axhline(0, color="0.85", linewidth=0.8, zorder=0)
        axes.axvline(0, color="0.85", linewidth=0.8, zorder=0)
        if "normalised" in title:  # all on the unit circle
            positions = _draw_circle(axes, points)
        else:
            axes.scatter(
                points[:, 0], points[:, 1], s=1, color="none"
            )  # sets the limits
            axes.margins(0.14)
            positions = points
        _draw_classes(axes, positions, class_names, images)
        axes.set_title(title)
    return figure


def _draw_circle(axes: matplotlib.axes.Axes, points: np.ndarray) -> np.ndarray:
    """Draws points on the unit circle; returns the names' positions `(K, 2)`.

    The angles of the names are the nearest to those of their points that leave
    room for each name (least squares, cut where the circle is emptiest).
    """
    axes.add_patch(
        matplotlib.patches.Circle((0, 0), 1, fill=False, color="0.85", zorder=0)
    )
    axes.scatter(points[:, 0], points[:, 1], s=12, color="black", zorder=2)
    axes.set_aspect("equal")
    axes.set_xlim(-1.75, 1.75)
    axes.set_ylim(-1.75, 1.75)
    count = len(points)
    angles = np.arctan2(points[:, 1], points[:, 0])
    order = np.argsort(angles)
    gaps = np.diff(angles[order], append=angles[order[0]] + 2 * np.pi)
    order = np.roll(order, -(gaps.argmax() + 1))
    turned = np.unwrap(angles[order])
    steps = min(0.36, 2 * np.pi / count) * np.arange(count)
    spread = scipy.optimize.isotonic_regression(turned - steps).x + steps
    positions = np.empty_like(points)
    positions[order] = 1.45 * np.stack([np.cos(spread), np.sin(spread)], axis=1)
    for position, point in zip(positions, points, strict=True):
        xs, ys = np.stack([position, point], axis=1)
        axes.plot(xs, ys, color="0.6", linewidth=0.6, zorder=1)
    return positions


def _draw_classes(
    axes: matplotlib.axes.Axes,
    points: np.ndarray,
    class_names: tuple[str, ...],
    images: np.ndarray,
) -> None:
    """Draws a thumbnail at each point, its name below and never covered."""
    size = 1.0 if len(class_names) <= _MANY else 0.6
    for point, name, image in zip(points, class_names, images, strict=True):
        _draw_thumbnail(axes, tuple(point), image, size)
        axes.annotate(
            name,
            point,
            xytext=(0, -20 * size),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=9 if size == 1 else 7,
            bbox={"facecolor": "white", "alpha": 0.6, "pad": 0.5, "lw": 0},
            zorder=4,
        )


def _draw_thumbnail(
    axes: matplotlib.axes.Axes,
    position: tuple[float, float],
    image: np.ndarray,
    size: float,
) -> None:
    zoom = size * _THUMBNAIL_INCHES * 72 / max(image.shape[:2])
    box = matplotlib.offsetbox.AnnotationBbox(
        matplotlib.offsetbox.OffsetImage(image, zoom=zoom),
        position,
        pad=0.1,
        bboxprops={"linewidth": 0.5},
    )
    axes.add_artist(box)


def draw_distances(
    panels: dict[str, tuple[np.ndarray, np.ndarray]],
    class_names: tuple[str, ...],
) -> matplotlib.figure.Figure:
    """Plots distances of class vectors against others, one dot per pair.

    Args:
        panels: Title and axis label, separated by a line break, to the
            distances of vectors and the other distances, `(K, K)` each.
        class_names: K class names; pairs are named if there are few.
    """
    figure = matplotlib.figure.Figure(
        figsize=(5.6 * len(panels), 4.8), layout="constrained"
    )
    above = np.triu_indices(len(class_names), 1)
    for axes, (heading, (vectors, others)) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0],
        panels.items(),
        strict=True,
    ):
        title, label = heading.split("\n")
        axes.scatter(others[above], vectors[above], s=18, alpha=0.8)
        axes.margins(0.16, 0.08)
        if len(above[0]) <= 10:
            for row, column in zip(*above, strict=True):
                axes.annotate(
                    f"{class_names[row]}, {class_names[column]}",
                    (others[row, column], vectors[row, column]),
                    xytext=(0, 5),
                    textcoords="offset points",
                    ha="center",
                    fontsize=8,
                )
        axes.set_title(title)
        axes.set_xlabel(label)
        axes.set_ylabel("distance of class vectors")
        axes.grid(alpha=0.3)
    return figure


def draw_confusion(
    confusion: np.ndarray, class_names: tuple[str, ...]
) -> matplotlib.figure.Figure:
    """Draws a confusion matrix in shares of the true class."""
    count = len(class_names)
    side = 3 + 0.38 * count
    figure = matplotlib.figure.Figure(
        figsize=(side + 0.6, side), layout="constrained"
    )
    axes = figure.subplots()
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    shown = axes.imshow(shares, cmap="magma", vmin=0)
    if count <= 12:
        for (row, column), share in np.ndenumerate(shares):
            axes.text(
                column,
                row,
                f"{100 * share:.0f}",
                ha="center",
                va="center",
                fontsize=8,
                color="black" if share > shares.max() / 2 else "white",
            )
    axes.set_xticks(range(count), class_names, rotation=60, ha="right")
    axes.set_yticks(range(count), class_names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    figure.colorbar(shown, ax=axes, shrink=0.8, label="share of the true class")
    return figure
