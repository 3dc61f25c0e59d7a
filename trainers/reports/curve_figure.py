"""Learning curves as a figure: accuracy against train texts, with bands."""

from collections.abc import Mapping, Sequence

import matplotlib.figure
import numpy as np

# Okabe and Ito's colours, with markers for those who do not see the hues.
_STYLES = (
    ("#0072b2", "o", "-"),
    ("#56b4e9", "v", "--"),
    ("#009e73", "^", "--"),
    ("#cc79a7", "P", "--"),
    ("#e69f00", "D", ":"),
    ("#d55e00", "s", "-"),
    ("#000000", "X", "-."),
)


def draw_curve(
    curves: Mapping[str, Mapping[int, Sequence[float]]],
    differences: Mapping[int, tuple[float, float, float]],
) -> matplotlib.figure.Figure:
    """Draws accuracies and one difference against the number of train texts.

    Args:
        curves: Name of a method to train texts to the accuracies of its
            draws. Every method has a style, drawn or not, so that figures of
            different runs can be compared.
        differences: Train texts to a mean difference of accuracies and the
            ends of its interval; may be empty.
    """
    figure = matplotlib.figure.Figure(
        figsize=(12 if differences else 7, 4.6), layout="constrained"
    )
    panels = figure.subplots(1, 2 if differences else 1, squeeze=False)[0]
    for (name, points), (color, marker, line) in zip(
        curves.items(), _STYLES, strict=True
    ):
        if not points:
            continue
        sizes = sorted(points)
        means = np.array([np.mean(points[size]) for size in sizes])
        panels[0].plot(
            sizes, means, color=color, marker=marker, ls=line, ms=5, label=name
        )
        spreads = np.array(
            [
                np.std(points[size], ddof=1) if len(points[size]) > 1 else 0
                for size in sizes
            ]
        )
        panels[0].fill_between(
            sizes, means - spreads, means + spreads, color=color, alpha=0.12
        )
    panels[0].set_ylabel("validation accuracy")
    panels[0].legend(fontsize="small")
    if differences:
        sizes = sorted(differences)
        mean, low, high = 100 * np.array([differences[s] for s in sizes]).T
        panels[1].axhline(0, color="grey", lw=1)
        panels[1].errorbar(
            sizes,
            mean,
            np.stack([mean - low, high - mean]).clip(0),
            color=_STYLES[0][0],
            marker="o",
            capsize=3,
        )
        panels[1].set_ylabel("points above logistic regression on stacks")
    shown = sorted({size for points in curves.values() for size in points})
    for axes in panels:
        axes.set_xscale("log")
        # Slanted: 10,000 and 20,000 are close.
        axes.set_xticks(
            shown,
            [f"{size:,}" for size in shown],
            rotation=35,
            ha="right",
            rotation_mode="anchor",
        )
        axes.minorticks_off()
        axes.set_xlabel("train texts")
        axes.grid(alpha=0.3)
    return figure
