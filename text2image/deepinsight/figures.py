"""Figures of a pixel map, its images and their feature maps, by matplotlib."""

from collections.abc import Mapping

import matplotlib.figure
import matplotlib.ticker
import numpy as np

from text2image import figure_text
from text2image.deepinsight import pixel_map


def draw_map(fitted: pixel_map.PixelMap) -> matplotlib.figure.Figure:
    """Draws features, hull and rectangle in the plane (the paper's Fig. 2)."""
    figure = matplotlib.figure.Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    layers = fitted.provenance.get("layers") or [0]
    layer = np.repeat(
        np.arange(len(layers)), fitted.num_features // len(layers)
    )
    x, y = fitted.points.T
    points = axes.scatter(x, y, c=layer, cmap="viridis", s=4, linewidths=0)
    for corners, colour, label in (
        (fitted.hull, "tab:red", "convex hull"),
        (fitted.rectangle, "tab:green", "smallest rectangle"),
    ):
        closed = np.vstack([corners, corners[:1]])
        axes.plot(*closed.T, color=colour, linewidth=1, label=label)
    bar = figure.colorbar(points, ax=axes, shrink=0.7, label="layer")
    bar.set_ticks(range(len(layers)), labels=[str(i) for i in layers])
    axes.set_aspect("equal")
    axes.invert_yaxis()  # row 0 of an image is at its top
    axes.set_xlabel("x")
    axes.set_ylabel("y")
    figure.legend(loc="outside lower center", ncols=2, fontsize="small")
    axes.set_title(f"{fitted.num_features} features in the plane")
    return figure


def draw_density(fitted: pixel_map.PixelMap) -> matplotlib.figure.Figure:
    """Draws the number of features per pixel (the paper's Fig. 3)."""
    figure = matplotlib.figure.Figure(figsize=(6, 5.2), layout="constrained")
    axes = figure.subplots()
    density = fitted.density().sum(axis=-1)
    shown = axes.imshow(density, cmap="magma")
    figure.colorbar(
        shown,
        ax=axes,
        label="features in the pixel",
        ticks=matplotlib.ticker.MaxNLocator(integer=True),
    )
    occupied = int((density > 0).sum())
    axes.set_title(f"{occupied} of {density.size} pixels hold features")
    axes.set_xlabel("column")
    axes.set_ylabel("row")
    return figure


def draw_examples(
    rows: Mapping[str, np.ndarray], titles: list[str]
) -> matplotlib.figure.Figure:
    """Draws the same examples at several stages (the paper's Figs. 4 and 6).

    Args:
        rows: Stage to its images `(n, H, W, C)`; each stage is a row with one
            scale. Three channels are shown as red, green and blue.
        titles: One title per example.
    """
    count = len(titles)
    figure = matplotlib.figure.Figure(
        figsize=(3 * count + 0.5, 3 * len(rows)), layout="constrained"
    )
    grid = figure.subplots(len(rows), count, squeeze=False)
    for row, (label, images) in enumerate(rows.items()):
        # One scale per row, so that its images can be compared.
        low, high = float(images.min()), float(images.max())
        for axes, image, title in zip(grid[row], images, titles, strict=True):
            if image.shape[-1] == 3:
                image = (image - low) / max(high - low, 1e-12)
            shown = axes.imshow(image, cmap="gray", vmin=low, vmax=high)
            axes.set_xticks([])
            axes.set_yticks([])
            axes.set_title(
                figure_text.label(f"{title}, {label}", 80, wrap=42),
                fontsize="small",
            )
        if images.shape[-1] == 1:
            figure.colorbar(shown, ax=list(grid[row]), shrink=0.8)
    return figure_text.set_fonts(figure)


def draw_feature_maps(
    maps: np.ndarray, title: str, *, limit: int = 64
) -> matplotlib.figure.Figure:
    """Draws a grid of feature maps, each on its own scale (the paper's Fig. 8).

    Args:
        maps: M feature maps, `(h, w, M)`.
        title: Title of the figure.
        limit: Most maps drawn.
    """
    shown = maps[..., :limit]
    columns = 8
    rows = -(-shown.shape[-1] // columns)
    figure = matplotlib.figure.Figure(
        figsize=(columns, rows + 0.4), layout="constrained"
    )
    for index, axes in enumerate(figure.subplots(rows, columns).flat):
        axes.axis("off")
        if index < shown.shape[-1]:
            axes.imshow(shown[..., index], cmap="gray")
    figure.suptitle(
        f"{figure_text.label(title, 60)}: "
        f"{shown.shape[-1]} of {maps.shape[-1]} maps"
    )
    return figure_text.set_fonts(figure)
