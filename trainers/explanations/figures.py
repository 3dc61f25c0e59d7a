"""Figures of explanations: words, pixels and layers of a text; many texts."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.figure
import numpy as np

from text2image import figure_text
from text2image.deepinsight import figures
from trainers.explanations import drawing, pixel_curves
from trainers.explanations.explanation import Explanation

_MOST_CLASSES = 6


def draw_explanation(
    explanation: Explanation, layers: Sequence[int], title: str = ""
) -> matplotlib.figure.Figure:
    """Draws what decided about a text: words, pixels and layers.

    Red speaks for the class, blue against it. The image is drawn less the
    mean train image; beside it are the contributions of its pixels, channel
    by channel. Pixels without a feature are grey.

    Args:
        explanation: Explanation of one text.
        layers: BERT layers of the rows of its features.
        title: What the text is, such as its id and label.
    """
    lines = drawing.lines_of(explanation.text, explanation.words)
    channels = explanation.image.shape[-1]
    rows = 1 if channels == 1 else 2
    words_height = drawing.height_of(lines) + 0.6
    panels_height = 2.9 * rows
    figure = matplotlib.figure.Figure(
        figsize=(9.2, words_height + panels_height), layout="constrained"
    )
    # Two figures, whatever the type says.
    halves: Any = figure.subfigures(
        2, 1, height_ratios=[words_height, panels_height]
    )
    top, bottom = halves
    top.suptitle(
        figure_text.label(
            f"{title}{': ' if title else ''}why {explanation.label}? Margin "
            f"{explanation.margin:+.2f}, {explanation.words_baseline:+.2f} "
            "with every word masked",
            100,
        )
        + "\nred speaks for it, blue against it; grey pixels show no feature",
        fontsize="medium",
    )
    drawing.draw_words(top.subplots(), lines, explanation.words)
    names = [
        [f"{what} {channel}" for channel in range(channels)]
        for what in ("image", "pixels")
    ]
    places = [[*names[0], *names[1]]] if rows == 1 else names
    axes = bottom.subplot_mosaic(
        [[*row, "layers"] for row in places],
        width_ratios=[*[1.0] * len(places[0]), 0.7],
    )
    occupied = figures.occupied(explanation.mean_image)
    for what, values, caption in (
        (
            "image",
            explanation.image - explanation.mean_image,
            "image less the mean",
        ),
        ("pixels", explanation.pixels, "contributions"),
    ):
        shown = np.where(occupied, values, np.nan)
        limit = figures.limit_of(shown)
        panels = [axes[f"{what} {channel}"] for channel in range(channels)]
        for channel, panel in enumerate(panels):
            drawn = figures.show_differences(panel, shown[..., channel], limit)
            panel.set_title(
                f"{caption}{_of_layers(channel, channels, layers)}",
                fontsize="small",
            )
        bottom.colorbar(
            drawn, ax=panels, shrink=0.7, pad=0.01, extend="both"
        ).ax.tick_params(labelsize="small")
    drawing.draw_bars(
        axes["layers"],
        [str(layer) for layer in layers],
        explanation.features.sum(axis=1),
        "contributions by layer",
    )
    return figure_text.set_fonts(figure)


def draw_class_means(
    means: np.ndarray, mean_image: np.ndarray, label_names: Sequence[str]
) -> matplotlib.figure.Figure:
    """Draws the mean contributions of the pixels to each class.

    Args:
        means: `(K, H, W, C)`, NaN for a class without texts; of many classes,
            the first are drawn.
        mean_image: `(H, W, C)`, mean of the train images.
        label_names: Class names in label order.
    """
    drawn = [
        number for number, mean in enumerate(means) if not np.isnan(mean).any()
    ][:_MOST_CLASSES]
    shown = figures.masked(means[drawn], figures.occupied(mean_image))
    figure = matplotlib.figure.Figure(
        figsize=(3.4 * min(len(drawn), 3) + 0.8, 3.5 * -(-len(drawn) // 3)),
        layout="constrained",
    )
    grid = figure.subplots(-(-len(drawn) // 3), min(len(drawn), 3))
    panels = list(np.ravel(grid))
    limit = figures.limit_of(shown)
    labels = figure_text.class_labels(label_names)
    for panel in panels[len(drawn) :]:
        panel.axis("off")
    for panel, number, values in zip(panels, drawn, shown, strict=False):
        image = figures.show_differences(panel, values, limit)
        panel.set_title(labels[number])
    figure.colorbar(
        image,
        ax=panels,
        shrink=0.7,
        extend="both",
        label="mean contribution to the class's margin",
    )
    return figure_text.set_fonts(figure)


def draw_curves(
    curves: Mapping[str, Mapping[str, Sequence[float]]],
) -> matplotlib.figure.Figure:
    """Draws deletion and insertion, a panel each.

    Args:
        curves: `deletion` and `insertion` to method to the mean probability
            at each of `pixel_curves.SHARES`.
    """
    figure = matplotlib.figure.Figure(figsize=(9, 3.6), layout="constrained")
    for axes, (name, lines) in zip(
        figure.subplots(1, 2, sharey=True), curves.items(), strict=True
    ):
        for (method, values), style in zip(
            lines.items(), ("-", "--", ":"), strict=False
        ):
            axes.plot(pixel_curves.SHARES, values, style, label=method)
        axes.set_title(name)
        axes.set_xlabel("share of the occupied pixels")
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("probability of the predicted class")
    figure.axes[0].legend()
    return figure


def _of_layers(channel: int, channels: int, layers: Sequence[int]) -> str:
    """Names the layers that a channel shows: equal runs of them."""
    if channels == 1:
        return ""
    count = len(layers)
    members = [
        str(layer)
        for row, layer in enumerate(layers)
        if row * channels // count == channel
    ]
    return f", layers {', '.join(members)}"
