"""A confusion matrix as a figure, for two classes as for hundreds."""

from collections.abc import Sequence

import matplotlib.figure
import matplotlib.ticker
import numpy as np

from text2image import figure_text

_WITH_NUMBERS = 12  # most classes whose shares are written
_WITH_WIDE_ROWS = 30  # most classes with names in the usual size
_WITH_NAMES = 100  # most classes with names; more have numbers


def draw_confusion(
    confusion: np.ndarray, class_names: Sequence[str]
) -> matplotlib.figure.Figure:
    """Draws a confusion matrix in shares of the true class.

    Args:
        confusion: Counts `(K, K)`, rows are true classes.
        class_names: K class names.
    """
    count = len(class_names)
    is_wide = count <= _WITH_WIDE_ROWS
    # In inches: the labels and the bar, then the rows.
    side = 3 + (0.38 if is_wide else 0.15) * min(count, _WITH_NAMES)
    figure = matplotlib.figure.Figure(
        figsize=(side + 0.6, side), layout="constrained"
    )
    axes = figure.subplots()
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    shown = axes.imshow(shares, cmap="magma", vmin=0, interpolation="nearest")
    if count <= _WITH_NUMBERS:
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
    unit = ""
    if count <= _WITH_NAMES:
        labels = figure_text.class_labels(class_names)
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
