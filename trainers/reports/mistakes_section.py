"""The report's section on what a run gets wrong."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Self

import matplotlib.figure
import numpy as np

from tfrecords import paths, reader
from trainers.reports import markdown, mistakes, nearest_texts
from trainers.reports.calibration_figure import draw_calibration
from trainers.reports.mistakes import Predictions
from trainers.reports.nearest_texts import Neighbour
from trainers.runs import train_images

_FILES = (mistakes.MISTAKES_FILE, mistakes.SUSPECTS_FILE)
CAPTIONS = {
    "calibration.png": "How far the confidence, the probability of the "
    "predicted class, can be trusted: accuracy beside it, with the number of "
    "texts at each point; and how often it is right and wrong.",
}
_MOST_CLASSES = 12  # with a line each; of more, the worst
_WORST = 10
_SHOWN = 10  # mistakes
_SUSPECTS = 5
_EXCERPT = 160  # characters of a text
_NEAR_EXCERPT = 80


@dataclasses.dataclass(frozen=True)
class Mistakes:
    """What is known of a run's mistakes.

    Attributes:
        predictions: All predictions for the validation texts.
        texts: Record id to text of the texts that are shown; empty if the
            `cls` records are gone.
        neighbours: Nearest train texts of the mistakes that are shown; empty
            without texts.
    """

    predictions: Predictions
    texts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    neighbours: tuple[list[Neighbour], ...] = ()

    @classmethod
    def of_run(
        cls,
        workdir: pathlib.Path,
        label_names: tuple[str, ...],
        records: paths.Path,
        texts_at: paths.Path | None,
    ) -> Self:
        """Reads the predictions of a run, and what the records say of them.

        Args:
            workdir: Directory of the run.
            label_names: Class names in label order.
            records: Directory of its `image` records.
            texts_at: Directory of their `cls` records; `None` if they are gone.
        """
        predictions = Predictions.read(workdir, label_names)
        manifest = reader.open_records(records, kind="image")
        known = train_images.read(workdir)
        if texts_at is None or known is None:
            return cls(predictions)
        neighbours = nearest_texts.find_neighbours(
            records,
            manifest,
            [predictions.ids[row] for row in predictions.mistakes()[:_SHOWN]],
            known.mean,
        )
        ids = mistakes.listed_ids(predictions)
        ids |= {each.id for nearest in neighbours for each in nearest}
        return cls(
            predictions,
            nearest_texts.find_texts(texts_at, ids),
            tuple(neighbours),
        )

    @property
    def files(self) -> tuple[str, ...]:
        """Names of what `write_lists` writes."""
        return (*_FILES, *((mistakes.CLASSES_FILE,) if self._is_long else ()))

    @property
    def _is_long(self) -> bool:
        """Whether the report has no room for every class."""
        return len(self.predictions.label_names) > _MOST_CLASSES

    def write_lists(self, workdir: pathlib.Path) -> None:
        """Writes `files`."""
        mistakes.write_lists(workdir, self.predictions, self.texts)
        if self._is_long:
            mistakes.write_classes(workdir, self.predictions)

    def draw(self) -> dict[str, matplotlib.figure.Figure]:
        """Draws the figures of `CAPTIONS`."""
        predictions = self.predictions
        correct = predictions.predicted == predictions.labels
        return {
            "calibration.png": draw_calibration(predictions.confidence, correct)
        }

    def lines(self) -> list[str]:
        """Composes the section, as lines of Markdown."""
        return [
            "",
            "## Classes",
            "",
            *_class_table(self.predictions),
            "",
            "## Mistakes",
            "",
            *self._mistakes(),
            "",
            *self._suspects(),
            "",
        ]

    def _mistakes(self) -> list[str]:
        predictions = self.predictions
        rows = predictions.mistakes()
        if not len(rows):
            return ["Every validation text is in the right class."]
        names = predictions.label_names
        header = ["id", "true", "predicted", "confidence"]
        header += ["text", "nearest train texts"] if self.texts else []
        table = []
        for place, row in enumerate(rows[:_SHOWN]):
            key = predictions.ids[row]
            cells = [
                markdown.plain(key),
                markdown.plain(names[predictions.labels[row]], most=40),
                markdown.plain(names[predictions.predicted[row]], most=40),
                f"{predictions.confidence[row]:.3f}",
            ]
            if self.texts:
                cells += [
                    markdown.plain(self.texts[key], _EXCERPT),
                    self._nearest(self.neighbours[place]),
                ]
            table.append(cells)
        nearest = (
            "; beside them the train texts whose images are nearest (cosine "
            "of the images less the mean train image)"
            if self.texts
            else "; the `cls` records with the texts are gone"
        )
        return [
            f"{markdown.count(len(rows), 'validation text')} of "
            f"{len(predictions.labels):,} in the wrong class, listed in "
            f"`{mistakes.MISTAKES_FILE}`. The most confident{nearest}:",
            "",
            *markdown.table(header, table),
        ]

    def _nearest(self, neighbours: list[Neighbour]) -> str:
        names = self.predictions.label_names
        return "; ".join(
            f"{markdown.plain(names[each.label], most=28)} "
            f"{each.similarity:.2f}: "
            f"{markdown.plain(self.texts[each.id], _NEAR_EXCERPT)}"
            for each in neighbours
        )

    def _suspects(self) -> list[str]:
        predictions = self.predictions
        rows, suggested = predictions.suspects()
        if not len(rows):
            return ["No label is suspect by confident learning."]
        names = predictions.label_names
        header = ["id", "label", "suggestion", "probability of the label"]
        header += ["text"] if self.texts else []
        table = []
        for row, label in list(zip(rows, suggested, strict=True))[:_SUSPECTS]:
            key = predictions.ids[row]
            cells = [
                markdown.plain(key),
                markdown.plain(names[predictions.labels[row]], most=40),
                markdown.plain(names[label], most=40),
                f"{predictions.self_confidence[row]:.3f}",
            ]
            if self.texts:
                cells.append(markdown.plain(self.texts[key], _EXCERPT))
            table.append(cells)
        return [
            f"{markdown.count(len(rows), 'label')} may be wrong by confident "
            "learning: another class is as likely as it usually is for its "
            "own texts. The less accurate the model, the more of these are "
            f"its mistakes and not the corpus's. `{mistakes.SUSPECTS_FILE}` "
            "ranks them; the first:",
            "",
            *markdown.table(header, table),
        ]


def _class_table(predictions: Predictions) -> list[str]:
    figures = predictions.class_figures()
    names = predictions.label_names
    rows = np.arange(len(names))
    title = []
    if len(names) > _MOST_CLASSES:
        rows = np.argsort(figures["f1"], kind="stable")[:_WORST]
        title = [
            f"The {len(rows)} of {len(names)} classes with the lowest F1; "
            f"`{mistakes.CLASSES_FILE}` has all:",
            "",
        ]
    columns = ("precision", "recall", "f1", "roc_auc")
    return [
        *title,
        *markdown.table(
            ("class", "texts", "precision", "recall", "F1", "ROC-AUC"),
            [
                (
                    markdown.plain(names[row], most=40),
                    figures["texts"][row],
                    *(_share(figures[column][row]) for column in columns),
                )
                for row in rows
            ],
        ),
    ]


def _share(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.3f}"
