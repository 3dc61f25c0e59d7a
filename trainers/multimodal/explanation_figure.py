"""The figure of an explanation: photo, heat map, modalities and words."""

from typing import Any

import matplotlib.figure
import numpy as np

from text2image import figure_text
from trainers.explanations import drawing
from trainers.multimodal.explanation import SampleExplanation

_HEADING = 0.6  # inches
_PANELS = 3.2


def draw_sample(explanation: SampleExplanation) -> matplotlib.figure.Figure:
    """Draws what decided about a sample.

    Words and bars: red speaks for the class, blue against it. The heat map is
    enlarged to the image linearly, as Grad-CAM is drawn.
    """
    item = explanation
    lines = {
        name: drawing.lines_of(text, item.words[name])
        for name, text in item.texts.items()
    }
    heights = [_PANELS, *(drawing.height_of(x) + 0.35 for x in lines.values())]
    figure = matplotlib.figure.Figure(
        figsize=(9.2, _HEADING + sum(heights)), layout="constrained"
    )
    # A list of figures, whatever the type says.
    parts: Any = figure.subfigures(
        len(heights), 1, height_ratios=heights, squeeze=False
    )
    top, *others = parts[:, 0]
    figure.suptitle(
        figure_text.label(
            f"sample {item.id}: why {item.label}? Margin {item.margin:+.2f}, "
            f"{item.baseline:+.2f} without any modality",
            100,
        )
        + "\nred speaks for it, blue against it",
        fontsize="medium",
    )
    _draw_image_and_modalities(top, item)
    every_word = [word for words in item.words.values() for word in words]
    for part, (name, drawn) in zip(others, lines.items(), strict=True):
        axes = part.subplots()
        drawing.draw_words(axes, drawn, every_word)
        axes.set_title(name, loc="left", fontsize="small")
    return figure_text.set_fonts(figure)


def _draw_image_and_modalities(figure: Any, item: SampleExplanation) -> None:
    names = ["image", "region"] if item.region is not None else []
    axes = figure.subplot_mosaic([[*names, "modalities"]])
    if item.image is not None and item.region is not None:
        size = item.image.shape[0]
        photo = item.image.astype(np.uint8)
        for name in names:
            axes[name].imshow(photo)
            axes[name].axis("off")
        axes["image"].set_title("image", fontsize="small")
        heat = axes["region"].imshow(
            item.region,
            cmap="inferno",
            alpha=0.6,
            interpolation="bilinear",
            extent=(-0.5, size - 0.5, size - 0.5, -0.5),
            vmin=0,
        )
        axes["region"].set_title("where it speaks for it", fontsize="small")
        figure.colorbar(heat, ax=axes["region"], shrink=0.7, pad=0.01)
    drawing.draw_bars(
        axes["modalities"],
        list(item.modalities),
        np.array(list(item.modalities.values())),
        "contributions by modality",
    )
