"""Figures of the audit: suspects, modes, and the similarity of classes."""

from collections.abc import Sequence

import matplotlib.figure
import numpy as np

from text2image import figure_text
from tfrecords import jpeg, paths, reader
from trainers.multimodal import loading
from trainers.multimodal.class_modes import Modes
from trainers.multimodal.class_similarity import ClassSimilarity
from trainers.multimodal.suspect_labels import held_out_numbers
from trainers.multimodal.vector_index import VectorIndex
from trainers.reports.image_rows import ImageRow, draw_image_rows
from trainers.reports.mistakes import Predictions

_SUSPECTS = (3, 6)  # rows and columns
_MOST_SPLIT = 4  # classes whose modes are drawn
_WITH_NAMES = 100  # most classes with names in the heat map

Drawn = tuple[matplotlib.figure.Figure, str]


def draw(
    run: loading.Run,
    index: VectorIndex,
    predictions: Predictions,
    modes: Sequence[Modes],
    similarity: ClassSimilarity | None,
) -> dict[str, Drawn]:
    """Draws what there is to see.

    Returns:
        File name to figure and caption.
    """
    drawn = {}
    labels = figure_text.class_labels(predictions.label_names, 18)
    rows, suggested = predictions.suspects()
    if len(rows):
        numbers = held_out_numbers(index)[rows[: np.prod(_SUSPECTS)]]
        captions = [
            f"{labels[predictions.labels[row]]}?\n{labels[label]}"
            for row, label in zip(rows, suggested, strict=True)
        ]
        drawn["suspects.png"] = (
            _draw_suspects(_read(run, index, numbers), captions),
            "The first suspects: the label in question, below it the "
            "suggestion.",
        )
    split = [each for each in modes if each.count > 1][:_MOST_SPLIT]
    if split:
        drawn["modes.png"] = (
            draw_image_rows(
                [
                    ImageRow(
                        f"{labels[each.label]}\nmode {mode + 1}: "
                        f"{np.sum(each.modes == mode)}",
                        _read(run, index, each.typical[mode]),
                    )
                    for each in split
                    for mode in range(each.count)
                ]
            ),
            "The samples nearest to the centre of each mode, and its number of "
            "samples; first the classes of which the model puts most of a "
            "mode elsewhere.",
        )
    if similarity is not None:
        drawn["title_similarity.png"] = (
            draw_similarity(similarity, predictions.label_names),
            "Cosine of mean title vectors."
            + figure_text.note_on_numbers(predictions.label_names),
        )
    return drawn


def _draw_suspects(
    images: list[np.ndarray | None], captions: list[str]
) -> matplotlib.figure.Figure:
    _, columns = _SUSPECTS
    return draw_image_rows(
        [
            ImageRow(
                f"{first + 1} to {min(first + columns, len(images))}",
                images[first : first + columns],
                captions[first : first + columns],
            )
            for first in range(0, len(images), columns)
        ]
    )


def _read(
    run: loading.Run, index: VectorIndex, numbers: np.ndarray
) -> list[np.ndarray | None]:
    """The images of rows; `None` of a row without one."""
    images: list[np.ndarray | None] = []
    for row, number in zip(index.read(numbers), numbers, strict=True):
        place = int(number) - index.numbers(row["split"]).start
        (batch,) = reader.read_records(
            paths.open_path(run.config.records),
            row["split"],
            manifest=run.manifest,
            rows=range(place, place + 1),
        ).as_numpy_iterator()
        content = batch["image"][0]
        images.append(jpeg.decode(content).numpy() if content else None)
    return images


def draw_similarity(
    similarity: ClassSimilarity, label_names: Sequence[str]
) -> matplotlib.figure.Figure:
    """Draws the cosines `(k, k)` as a heat map, in the order of the labels."""
    count = len(similarity.labels)
    side = 3 + 0.3 * min(count, 40)
    figure = matplotlib.figure.Figure(
        figsize=(side + 0.6, side), layout="constrained"
    )
    axes = figure.subplots()
    shown = axes.imshow(similarity.cosines, cmap="RdBu_r", vmin=-1, vmax=1)
    if count <= _WITH_NAMES:
        names = figure_text.class_labels(
            [label_names[label] for label in similarity.labels]
        )
        size = 9 if count <= 40 else 5
        axes.set_xticks(range(count), names, fontsize=size, rotation=90)
        axes.set_yticks(range(count), names, fontsize=size)
    figure.colorbar(shown, ax=axes, shrink=0.8, label="cosine of mean titles")
    return figure_text.set_fonts(figure)
