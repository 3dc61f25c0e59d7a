"""predictions.csv of a run: what it answers for the validation split."""

import csv
import io
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from tfrecords import files
from trainers.runs.workdir import PREDICTIONS_FILE


def write_predictions(
    workdir: pathlib.Path,
    label_names: Sequence[str],
    ids: Sequence[str],
    labels: np.ndarray,
    probabilities: np.ndarray,
) -> None:
    """Writes predictions.csv: id, label, prediction, every probability.

    Args:
        workdir: Directory of the run.
        label_names: Class names in label order.
        ids: Record ids of N examples.
        labels: Their true classes, `(N,)` integers.
        probabilities: `(N, K)`; written with six digits.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("id", "label", "prediction", *label_names))
    for key, label, row in zip(ids, labels, probabilities, strict=True):
        prediction = label_names[row.argmax()]
        values = np.round(row, 6).tolist()
        writer.writerow((key, label_names[label], prediction, *values))
    files.write_text(workdir / PREDICTIONS_FILE, text.getvalue())


def read_rows(workdir: pathlib.Path) -> Iterator[list[str]]:
    """Yields the rows of predictions.csv without its header."""
    path = workdir / PREDICTIONS_FILE
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        next(rows)  # a class may be called like a column: no `DictReader`
        yield from rows


def read_predictions(workdir: pathlib.Path) -> dict[str, tuple[str, str]]:
    """Reads predictions.csv: record id to label and prediction, in order."""
    return {row[0]: (row[1], row[2]) for row in read_rows(workdir)}


def read_probabilities(workdir: pathlib.Path) -> dict[str, np.ndarray]:
    """Reads predictions.csv: record id to probabilities `(K,)`, in order."""
    rows = read_rows(workdir)
    return {row[0]: np.array(row[3:], np.float32) for row in rows}
