"""Figure of the distances of class vectors against others."""

import matplotlib.figure
import numpy as np

from text2image import figure_text


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
    is_dense = len(above[0]) > 1000
    for axes, (heading, (vectors, others)) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0],
        panels.items(),
        strict=True,
    ):
        title, label = heading.split("\n")
        axes.scatter(
            others[above],
            vectors[above],
            s=4 if is_dense else 18,
            alpha=0.3 if is_dense else 0.8,
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
