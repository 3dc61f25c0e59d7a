"""A confusion matrix as a figure, for two classes as for hundreds."""

from collections.abc import Sequence

import matplotlib.colors
import matplotlib.figure
import matplotlib.ticker
import numpy as np
import scipy.cluster.hierarchy
import scipy.spatial.distance

from text2image import figure_text

_WITH_SHARES = 12  # most classes whose shares are written, in their order
_WITH_WIDE_ROWS = 30  # most classes with names in the usual size
_WITH_NAMES = 100  # most classes with names; more have numbers


def draw_confusion(
    confusion: np.ndarray, class_names: Sequence[str]
) -> matplotlib.figure.Figure:
    """Draws a confusion matrix in shares of the true class.

    Of 13 to 100 classes, those that are confused with each other are
    neighbours, and every square has its number of texts.

    Args:
        confusion: Counts `(K, K)`, rows are true classes.
        class_names: K class names.
    """
    count = len(class_names)
    is_ordered = _WITH_SHARES < count <= _WITH_NAMES
    if is_ordered:
        order = _neighbours(confusion)
        confusion = confusion[np.ix_(order, order)]
    is_wide = count <= _WITH_WIDE_ROWS
    # In inches: the labels and the bar, then the rows.
    side = 3 + (0.38 if is_wide else 0.15) * min(count, _WITH_NAMES)
    figure = matplotlib.figure.Figure(
        figsize=(side + 0.6, side), layout="constrained"
    )
    axes = figure.subplots()
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    shown = axes.imshow(
        # One mistake among a hundred texts is seen; none is white.
        np.ma.masked_equal(shares, 0) if is_ordered else shares,
        cmap="magma_r" if is_ordered else "magma",
        norm=matplotlib.colors.PowerNorm(
            0.5 if is_ordered else 1, 0, shares.max()
        ),
        interpolation="nearest",
    )
    dark = shares < shares.max() / 2
    if is_ordered:
        dark = ~dark
        for edge in np.arange(count - 1) + 0.5:
            axes.axhline(edge, color="0.92", lw=0.4, zorder=0)
            axes.axvline(edge, color="0.92", lw=0.4, zorder=0)
    for row, column in zip(*np.nonzero(confusion), strict=True):
        if is_ordered and row != column:
            text = f"{confusion[row, column]:.0f}"
        elif count <= _WITH_SHARES:
            text = f"{100 * shares[row, column]:.0f}"
        else:
            continue
        axes.text(
            column,
            row,
            text,
            ha="center",
            va="center",
            fontsize=5 if is_ordered else 8,
            color="white" if dark[row, column] else "black",
        )
    unit = ""
    if count <= _WITH_NAMES:
        labels = figure_text.class_labels(class_names)
        if is_ordered:
            labels = [labels[number] for number in order]
        size = 10 if is_wide else 7
        axes.set_yticks(range(count), labels, fontsize=size)
        axes.set_xticks(
            range(count),
            labels,
            fontsize=size,
            # Slanted names lie above each other where rows are narrow.
            rotation=60 if is_wide else 90,
            ha="right" if is_wide else "center",
        )
    else:
        unit = " (number of the class, from 0)"
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(
                matplotlib.ticker.MaxNLocator(20, integer=True)
            )
    axes.set_xlabel(f"predicted{unit}")
    axes.set_ylabel(f"true{unit}")
    figure.colorbar(shown, ax=axes, shrink=0.8, label="share of the true class")
    return figure_text.set_fonts(figure)


def _neighbours(confusion: np.ndarray) -> np.ndarray:
    """Orders classes so that those that are confused are neighbours; `(K,)`.

    Hierarchical clustering by the mean of both shares, leaves in the order of
    Bar-Joseph et al. 2001, doi:10.1093/bioinformatics/17.suppl_1.S22.
    """
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    distances = 1.0 - (shares + shares.T) / 2
    np.fill_diagonal(distances, 0.0)
    linkage = scipy.cluster.hierarchy.linkage(
        scipy.spatial.distance.squareform(distances),
        "average",
        optimal_ordering=True,
    )
    return scipy.cluster.hierarchy.leaves_list(linkage)
