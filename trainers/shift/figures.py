"""Figures: the two domains (the paper's Fig. 5), MMD by layer, CKA."""

from collections.abc import Iterable, Mapping, Sequence

import matplotlib.axes
import matplotlib.figure
import numpy as np

from text2image import figure_text
from trainers import backbones
from trainers.shift.comparison import Row
from trainers.shift.options import FITTED, ShiftOptions
from trainers.shift.samples import GREY, OTHERS

_BINS = 64
_COLOURS = {1: ("0.3",), 3: ("tab:red", "tab:green", "tab:blue")}
_TINY = 1e-8


def draw_domains(
    domains: Mapping[str, tuple[np.ndarray, np.ndarray]],
) -> matplotlib.figure.Figure:
    """Draws an image of each domain beside the histograms of the domain.

    Args:
        domains: Title to an image `(H, W, C)` in [0, 1] and the images of the
            histograms, `(N, H, W, C)`.
    """
    figure = matplotlib.figure.Figure(
        figsize=(10, 2.9 * len(domains)), layout="constrained"
    )
    grid = figure.subplots(
        len(domains), 3, squeeze=False, width_ratios=(1, 1.5, 1.5)
    )
    for row, (title, (image, images)) in zip(
        grid, domains.items(), strict=True
    ):
        row[0].imshow(
            image, cmap="gray", vmin=0, vmax=1, interpolation="nearest"
        )
        row[0].set_axis_off()
        row[0].set_title(
            figure_text.label(title, 60, wrap=30), fontsize="small"
        )
        mean = images.mean(axis=(1, 2, 3), keepdims=True)
        deviation = images.std(axis=(1, 2, 3), keepdims=True)
        _histogram(row[1], images, (0, 1), "pixels as they are")
        _histogram(
            row[2],
            (images - mean) / (deviation + _TINY),
            (-4, 4),
            "z-normalised, per image",
        )
    return figure_text.set_fonts(figure)


def _histogram(
    axes: matplotlib.axes.Axes,
    images: np.ndarray,
    limits: tuple[float, float],
    label: str,
) -> None:
    edges = np.linspace(*limits, _BINS + 1)
    channels = images.shape[-1]
    for channel, colour in enumerate(_COLOURS[channels]):
        values = images[..., channel].clip(*limits)
        counts, _ = np.histogram(values, edges)
        axes.stairs(counts / values.size, edges, color=colour)
    axes.set_yscale("log")
    axes.set_xlabel(label)
    axes.set_ylabel("share of pixels")
    axes.grid(alpha=0.3)


def draw_discrepancies(
    options: ShiftOptions, rows: Sequence[Row]
) -> matplotlib.figure.Figure:
    """Draws MMD^2 from natural images at the stages of every slice.

    Args:
        options: Settings; of `fitted` all normalisations are drawn, of the
            other kinds the one that tables show.
        rows: Table `shifts` of the results.
    """
    names = list(dict.fromkeys(str(row["backbone"]) for row in rows))
    columns = min(len(names), 3)
    num_rows = -(-len(names) // columns)
    figure = matplotlib.figure.Figure(
        figsize=(1 + 3.6 * columns, 0.8 + 2.8 * num_rows), layout="constrained"
    )
    grid = figure.subplots(num_rows, columns, squeeze=False, sharey=True)
    for axes in grid.flat[len(names) :]:
        axes.set_axis_off()
    for axes, name in zip(grid.flat, names, strict=False):
        own = [row for row in rows if row["backbone"] == name]
        natural = options.natural_of(name, options.shown)
        for label, values in _lines(own, options.shown, natural).items():
            style = "o--" if label == OTHERS else "o-"
            axes.plot(range(1, len(values) + 1), values, style, ms=3)
            axes.lines[-1].set_label(label)
        axes.set_title(backbones.get_backbone(name).title, fontsize="small")
        axes.set_xticks((1, 2, 3))
        axes.set_xlabel("stage of the slice")
        axes.grid(alpha=0.3)
    for axes in grid[:, 0]:
        axes.set_ylabel("MMD² from natural images")
    figure.legend(
        *grid.flat[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=4,
        fontsize="small",
    )
    return figure_text.set_fonts(figure)


def _lines(
    rows: Iterable[Row], shown: str, natural: str
) -> dict[str, list[float]]:
    """Label to MMD^2 by stage: fitted three times, the other kinds once."""
    lines: dict[str, list[float]] = {}
    for row in rows:
        images, mode = str(row["images"]), str(row["normalization"])
        is_natural = images in (OTHERS, GREY)
        if images == FITTED or mode == (natural if is_natural else shown):
            label = images if is_natural else f"{images}, {mode}"
            lines.setdefault(label, []).append(float(row["mmd2"]))
    return lines


def draw_similarities(
    matrices: Mapping[str, tuple[Sequence[str], np.ndarray]],
) -> matplotlib.figure.Figure:
    """Draws similarities as heat maps with their numbers.

    Args:
        matrices: Title to names and similarities `(n, n)` from 0 to 1.
    """
    figure = matplotlib.figure.Figure(
        figsize=(5.4 * len(matrices), 5), layout="constrained"
    )
    row = figure.subplots(1, len(matrices), squeeze=False)[0]
    for axes, (title, (names, values)) in zip(
        row, matrices.items(), strict=True
    ):
        drawn = axes.imshow(values, vmin=0, vmax=1, cmap="viridis")
        for i, j in np.ndindex(values.shape):
            colour = "white" if values[i, j] < 0.6 else "black"
            axes.text(
                *(j, i, f"{values[i, j]:.2f}"),
                ha="center",
                va="center",
                color=colour,
                fontsize="small",
            )
        axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
        axes.set_yticks(range(len(names)), names)
        axes.set_title(title)
    figure.colorbar(drawn, ax=row.tolist(), shrink=0.7, label="CKA")
    return figure_text.set_fonts(figure)
