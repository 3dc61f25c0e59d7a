"""Figure of the distances of class vectors against others."""

import matplotlib.figure
import numpy as np

from text2image import figure_text

# Most pairs to the size and opacity of their dots.
_DOTS = {1_000: (18, 0.8), 20_000: (4, 0.3), float("inf"): (1, 0.1)}


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
    labels = figure_text.class_labels(class_names, 14)
    above = np.triu_indices(len(class_names), 1)
    size, alpha = next(
        drawn for most, drawn in _DOTS.items() if len(above[0]) <= most
    )
    for axes, (heading, (vectors, others)) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0],
        panels.items(),
        strict=True,
    ):
        title, label = heading.split("\n")
        axes.scatter(
            others[above],
            vectors[above],
            s=size,
            alpha=alpha,
        )
        axes.margins(0.16, 0.08)
        if len(above[0]) <= 10:
            for row, column in zip(*above, strict=True):
                axes.annotate(
                    f"{labels[row]}, {labels[column]}",
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
    return figure_text.set_fonts(figure)
