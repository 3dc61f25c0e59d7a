"""Figures of a pixel map, its images and their feature maps, by matplotlib."""

from collections.abc import Mapping
from types import MappingProxyType

import matplotlib
import matplotlib.axes
import matplotlib.figure
import matplotlib.image
import matplotlib.ticker
import numpy as np

from text2image import figure_text
from text2image.deepinsight import pixel_map

# Red above 0, blue below: told apart by colour-blind readers, too (ColorBrewer,
# colorbrewer2.org). Pixels without a feature are grey, so that 0 is white.
DIVERGING = matplotlib.colormaps["RdBu_r"].with_extremes(bad="0.85")
# A few extreme pixels shall not make all others pale.
_SHOWN_SHARE = 0.99
# By `options.PROJECTIONS`, for titles.
_PROJECTIONS = {
    "tsne": " by t-SNE",
    "pca": " by PCA",
    "kernel_pca": " by kernel PCA",
    "umap": " by UMAP",
    "random": ", placed at random",
}


def draw_map(fitted: pixel_map.PixelMap) -> matplotlib.figure.Figure:
    """Draws features, hull and rectangle in the plane (the paper's Fig. 2)."""
    figure = matplotlib.figure.Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    layers = fitted.provenance.get("layers") or [0]
    x, y = fitted.points.T
    layer = _layer_of_each(fitted)
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
    method = _PROJECTIONS.get(fitted.provenance.get("projection", ""), "")
    axes.set_title(f"{fitted.num_features} features in the plane{method}")
    return figure


def _layer_of_each(fitted: pixel_map.PixelMap) -> np.ndarray:
    """Returns the position of each feature's layer in the stack, `(F,)`."""
    layers = fitted.provenance.get("layers") or [0]
    return np.repeat(np.arange(len(layers)), fitted.num_features // len(layers))


def draw_maps(
    maps: Mapping[str, pixel_map.PixelMap],
) -> matplotlib.figure.Figure:
    """Draws several maps of the same features side by side.

    Args:
        maps: Title to map; at least one.
    """
    columns = min(len(maps), 4)
    rows = -(-len(maps) // columns)
    figure = matplotlib.figure.Figure(
        figsize=(3 * columns, 3.2 * rows), layout="constrained"
    )
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for axes, (title, fitted) in zip(grid, maps.items(), strict=False):
        x, y = fitted.points.T
        colours = _layer_of_each(fitted)
        axes.scatter(x, y, c=colours, cmap="viridis", s=2, linewidths=0)
        axes.set_aspect("equal", adjustable="datalim")
        axes.invert_yaxis()
        axes.set_title(figure_text.label(title, 40), fontsize="small")
    return figure_text.set_fonts(figure)


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


def occupied(mean_image: np.ndarray) -> np.ndarray:
    """Finds the pixels that show a feature, `(H, W, C)` bool.

    Scaled features are at least 0, and only those that never vary are 0 in
    the mean of the train images, as are pixels without a feature.
    """
    return mean_image > 0


def masked(values: np.ndarray, occupied: np.ndarray) -> np.ndarray:
    """Sums the channels of occupied pixels; the others become NaN.

    Args:
        values: `(..., H, W, C)`, contributions or differences of images.
        occupied: `(H, W, C)` bool, whether a pixel shows a feature.

    Returns:
        `(..., H, W)`, NaN where no channel is occupied.
    """
    total = np.where(occupied, values, 0.0).sum(axis=-1)
    return np.where(occupied.any(axis=-1), total, np.nan)


def limit_of(values: np.ndarray) -> float:
    """Returns the end of a scale around 0 for values, of which some are NaN."""
    sizes = np.abs(values[~np.isnan(values)])
    return max(np.quantile(sizes, _SHOWN_SHARE) if sizes.size else 1.0, 1e-12)


def show_differences(
    axes: matplotlib.axes.Axes, values: np.ndarray, limit: float
) -> matplotlib.image.AxesImage:
    """Shows values on a diverging scale, pixel by pixel.

    Args:
        axes: Axes to draw in.
        values: `(H, W)`, NaN where there is no feature.
        limit: Value of the darkest red; its negative is the darkest blue.
    """
    axes.set_xticks([])
    axes.set_yticks([])
    return axes.imshow(
        np.ma.masked_invalid(values),
        cmap=DIVERGING,
        vmin=-limit,
        vmax=limit,
        interpolation="nearest",
    )


def draw_examples(
    images: np.ndarray,
    titles: list[str],
    differences: Mapping[str, np.ndarray] = MappingProxyType({}),
) -> matplotlib.figure.Figure:
    """Draws examples, and below them what tells them from the mean image.

    Args:
        images: `(n, H, W, C)` in [0, 1]; three channels are shown as red,
            green and blue.
        titles: One title per example.
        differences: Label of a row to its differences `(n, H, W)` from the
            mean image, NaN in empty pixels. All rows share one scale.
    """
    count, rows = len(titles), 1 + len(differences)
    figure = matplotlib.figure.Figure(
        figsize=(3 * count + 0.7, 3.1 * rows), layout="constrained"
    )
    grid = figure.subplots(rows, count, squeeze=False)
    for axes, image, title in zip(grid[0], images, titles, strict=True):
        axes.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_title(figure_text.label(title, 80, wrap=42), fontsize="small")
    grid[0, 0].set_ylabel("image")
    limit = max(map(limit_of, differences.values()), default=1.0)
    for row, (label, values) in zip(grid[1:], differences.items(), strict=True):
        for axes, difference in zip(row, values, strict=True):
            shown = show_differences(axes, difference, limit)
        row[0].set_ylabel(label)
    if differences:
        figure.colorbar(
            shown, ax=grid[1:].ravel().tolist(), shrink=0.6, extend="both"
        )
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
