"""Figure of random images of each class: what the vectors speak of."""

import matplotlib.figure
import numpy as np

from text2image import figure_text
from trainers.im2vec import figures
from trainers.im2vec.image_store import Images

_PER_CLASS = 8
_MOST_CLASSES = 30
_SIDE = 0.75  # inches of an image


def draw_samples(images: Images, seed: int) -> matplotlib.figure.Figure:
    """Draws train images of each class, a row per class.

    Args:
        images: The dataset. Of more than 30 classes the first 30 are drawn.
        seed: Seed of the draw.
    """
    labels = figure_text.class_labels(images.class_names)[:_MOST_CLASSES]
    rows = draw_rows(np.asarray(images.train.labels), len(labels), seed)
    # One by one: a memory map is not read as a whole.
    pixels = np.stack(
        [images.train.pixels[row] for row in np.concatenate(rows)]
    )
    shown = iter(figures.thumbnails(pixels.astype(np.float64), images.shape))
    figure = matplotlib.figure.Figure(
        figsize=(1.8 + _SIDE * _PER_CLASS, 0.4 + _SIDE * len(labels)),
        layout="constrained",
    )
    grid = figure.subplots(len(labels), _PER_CLASS, squeeze=False)
    for line, name, chosen in zip(grid, labels, rows, strict=True):
        for axes in line:
            axes.set_xticks([])
            axes.set_yticks([])
            axes.set_frame_on(False)
        for axes, _ in zip(line, chosen, strict=False):
            axes.imshow(next(shown))
        line[0].set_ylabel(
            name, rotation=0, ha="right", va="center", fontsize="small"
        )
    if len(labels) < len(images.class_names):
        figure.suptitle(
            f"the first {len(labels)} of {len(images.class_names)} classes",
            fontsize="medium",
        )
    return figure_text.set_fonts(figure)


def draw_rows(labels: np.ndarray, count: int, seed: int) -> list[np.ndarray]:
    """Draws up to eight rows of each of the first classes, in their order.

    Args:
        labels: `(N,)` int.
        count: Number of classes.
        seed: Seed of the draw.
    """
    rng = np.random.default_rng(seed)
    return [
        np.sort(rng.permutation(np.flatnonzero(labels == label))[:_PER_CLASS])
        for label in range(count)
    ]
