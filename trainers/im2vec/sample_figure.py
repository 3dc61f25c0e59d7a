"""Figure of random images of each class: what the vectors speak of."""

import matplotlib.figure
import numpy as np

from text2image import figure_text
from trainers.im2vec import figures
from trainers.im2vec.image_store import Images
from trainers.reports.image_rows import ImageRow, draw_image_rows

_PER_CLASS = 8
_MOST_CLASSES = 30


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
    title = ""
    if len(labels) < len(images.class_names):
        title = f"the first {len(labels)} of {len(images.class_names)} classes"
    return draw_image_rows(
        [
            ImageRow(name, [next(shown) for _ in chosen])
            for name, chosen in zip(labels, rows, strict=True)
        ],
        title,
    )


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
