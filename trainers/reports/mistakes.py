"""What a run gets wrong, from its predictions for the validation texts."""

import dataclasses
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import numpy as np
import sklearn.metrics

from tfrecords import files
from trainers.runs.predictions import read_predictions, read_probabilities
from trainers.serving import formats

MISTAKES_FILE = "mistakes.csv"
SUSPECTS_FILE = "suspects.csv"
CLASSES_FILE = "classes.csv"
# Rows of each of these files, whose texts are in memory at the same time.
_MOST_ROWS = 1000


@dataclasses.dataclass(frozen=True)
class Predictions:
    """A run's predictions for N texts of K classes.

    Attributes:
        ids: N record ids.
        labels: True classes, `(N,)` int.
        predicted: Predicted classes, `(N,)` int.
        probabilities: `(N, K)` float64.
        label_names: Class names in label order.
    """

    ids: tuple[str, ...]
    labels: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray
    label_names: tuple[str, ...]

    @classmethod
    def read(cls, workdir: pathlib.Path, label_names: Sequence[str]) -> Self:
        """Reads `predictions.csv` of a run."""
        number = {name: index for index, name in enumerate(label_names)}
        pairs = read_predictions(workdir)
        probabilities = list(read_probabilities(workdir).values())
        return cls(
            tuple(pairs),
            np.array([number[label] for label, _ in pairs.values()]),
            np.array([number[label] for _, label in pairs.values()]),
            np.stack(probabilities).astype(np.float64),
            tuple(label_names),
        )

    @property
    def confidence(self) -> np.ndarray:
        """Probabilities of the predicted classes, `(N,)`."""
        return self.probabilities.max(axis=1)

    @property
    def self_confidence(self) -> np.ndarray:
        """Probabilities of the true classes, `(N,)`."""
        return self.probabilities[np.arange(len(self.labels)), self.labels]

    def mistakes(self) -> np.ndarray:
        """Rows whose prediction is wrong, the most confident first."""
        wrong = np.flatnonzero(self.predicted != self.labels)
        order = np.argsort(-self.confidence[wrong], kind="stable")
        return wrong[order]

    def suspects(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows whose label may be wrong, by confident learning.

        A class is likely for a text if its probability is at least the mean
        over the texts with that label. A text is suspect if the likeliest of
        these classes is not its label. Source: Northcutt et al. 2021,
        doi:10.1613/jair.1.12125, eq. 1 and 2; ranked by self-confidence.

        Returns:
            The rows, the least self-confident first, and the classes that the
            model suggests for them.
        """
        thresholds = np.full(len(self.label_names), np.inf)
        for label in np.unique(self.labels):
            own = self.labels == label
            thresholds[label] = self.probabilities[own, label].mean()
        likely = self.probabilities >= thresholds
        suggested = np.where(likely, self.probabilities, -1).argmax(axis=1)
        rows = np.flatnonzero(likely.any(axis=1) & (suggested != self.labels))
        order = np.argsort(self.self_confidence[rows], kind="stable")
        return rows[order], suggested[rows[order]]

    def class_figures(self) -> dict[str, np.ndarray]:
        """Texts, precision, recall, F1 and ROC-AUC of each class, `(K,)` each.

        ROC-AUC is of the class against the rest; NaN if there is no text with
        or none without the label.
        """
        classes = np.arange(len(self.label_names))
        precision, recall, f1, texts = (
            sklearn.metrics.precision_recall_fscore_support(
                self.labels, self.predicted, labels=classes, zero_division=0
            )
        )
        areas = [
            sklearn.metrics.roc_auc_score(
                self.labels == label, self.probabilities[:, label]
            )
            if 0 < texts[label] < len(self.labels)
            else np.nan
            for label in classes
        ]
        return {
            "texts": texts,
            "precision": precision,
            "recall": recall,
            "f1": f1,
            "roc_auc": np.array(areas),
        }


def write_lists(
    workdir: pathlib.Path,
    predictions: Predictions,
    texts: Mapping[str, str],
) -> None:
    """Writes `mistakes.csv` and `suspects.csv`.

    Args:
        workdir: Directory of the run.
        predictions: Its predictions.
        texts: Record id to text, of `listed_ids`; empty if the texts are gone.
    """
    rows = predictions.mistakes()
    _write(
        workdir / MISTAKES_FILE,
        ("id", "label", "prediction", "confidence", "self_confidence"),
        predictions,
        zip(rows, predictions.predicted[rows], strict=True),
        texts,
    )
    _write(
        workdir / SUSPECTS_FILE,
        ("id", "label", "suggestion", "confidence", "self_confidence"),
        predictions,
        zip(*predictions.suspects(), strict=True),
        texts,
    )


def write_classes(workdir: pathlib.Path, predictions: Predictions) -> None:
    """Writes `classes.csv`: the figures of every class, in label order."""
    figures = predictions.class_figures()
    lines: list[Sequence[object]] = [("class", *figures)]
    for name, texts, *shares in zip(
        predictions.label_names, *figures.values(), strict=True
    ):
        cells = ("" if np.isnan(share) else f"{share:.6f}" for share in shares)
        lines.append((name, texts, *cells))
    files.write_text(workdir / CLASSES_FILE, formats.rows(lines))


def listed_ids(predictions: Predictions) -> set[str]:
    """Record ids of the texts in both files."""
    rows = (
        *predictions.mistakes()[:_MOST_ROWS],
        *predictions.suspects()[0][:_MOST_ROWS],
    )
    return {predictions.ids[row] for row in rows}


def _write(
    path: pathlib.Path,
    header: tuple[str, ...],
    predictions: Predictions,
    rows: Iterable[tuple[int, int]],
    texts: Mapping[str, str],
) -> None:
    lines: list[Sequence[object]] = [(*header, *(("text",) if texts else ()))]
    names = predictions.label_names
    for row, label in list(rows)[:_MOST_ROWS]:
        key = predictions.ids[row]
        lines.append(
            (
                key,
                names[predictions.labels[row]],
                names[label],
                f"{predictions.probabilities[row, label]:.6f}",
                f"{predictions.self_confidence[row]:.6f}",
                *((texts[key],) if texts else ()),
            )
        )
    files.write_text(path, formats.rows(lines))
