"""Figure of images in rows, each row with its name."""

import dataclasses
from collections.abc import Sequence

import matplotlib.figure
import numpy as np

from text2image import figure_text

_SIDE = 0.75  # inches of an image
_LINE = 0.13  # inches of a line of a caption


@dataclasses.dataclass(frozen=True)
class ImageRow:
    """A row of the figure.

    Attributes:
        name: What is written before it.
        images: Images `(H, W, 3)`, uint8 or float from 0 to 1; `None` leaves
            a gap.
        captions: What is written below each image; may be empty.
    """

    name: str
    images: Sequence[np.ndarray | None]
    captions: Sequence[str] = ()


def draw_image_rows(
    rows: Sequence[ImageRow], title: str = ""
) -> matplotlib.figure.Figure:
    """Draws the images of each row beside its name.

    Args:
        rows: At least one row; names and captions that figures can draw.
        title: Written above all.
    """
    columns = max(1, *(len(row.images) for row in rows))
    lines = max(
        (1 + text.count("\n") for row in rows for text in row.captions),
        default=0,
    )
    side = _SIDE if not lines else 1.5 * _SIDE
    figure = matplotlib.figure.Figure(
        figsize=(
            1.8 + side * columns,
            0.4 + (side + lines * _LINE) * len(rows),
        ),
        layout="constrained",
    )
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for line, row in zip(grid, rows, strict=True):
        for axes in line:
            axes.set_xticks([])
            axes.set_yticks([])
            axes.set_frame_on(False)
        for axes, image in zip(line, row.images, strict=False):
            if image is not None:
                axes.imshow(image)
        for axes, caption in zip(line, row.captions, strict=False):
            axes.set_xlabel(caption, fontsize=7)
        line[0].set_ylabel(
            row.name, rotation=0, ha="right", va="center", fontsize="small"
        )
    if title:
        figure.suptitle(title, fontsize="medium")
    return figure_text.set_fonts(figure)
