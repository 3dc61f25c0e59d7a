"""Whether an export answers as its run did, where engines differ.

An export computes by TensorFlow. If another engine made the run's records
(`--encoder_engine`), its stacks differ in their last bits or, in bfloat16, in
their third digit. So the export answers the run's own texts again.
"""

import dataclasses
import pathlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from absl import logging

from tfrecords import paths, reader, schema
from trainers.runs.predictions import read_probabilities

TENSORFLOW = "tensorflow"
# An answer takes 40 to 100 ms: at most 20 s.
_MOST_TEXTS = 200
_MOST_DIFFERENT = 0.05  # share of labels; more must not go unnoticed


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How well an export's answers agree with a run's predictions.

    Attributes:
        compared: Number of examples that were answered again.
        predicted: Number of the run's predictions.
        same_label: Number of examples with the same label.
        largest_difference: Largest difference of a probability.
        mean_difference: Mean over the examples of the largest difference
            among their classes.
    """

    compared: int
    predicted: int
    same_label: int
    largest_difference: float
    mean_difference: float

    def __str__(self) -> str:
        """One line."""
        spaced = " at even intervals" if self.compared < self.predicted else ""
        return (
            f"{self.compared} of the run's {self.predicted} predictions"
            f"{spaced} answered again: {self.same_label} labels agree, "
            f"probabilities differ by {self.largest_difference:.2g} at most, "
            f"{self.mean_difference:.2g} on average"
        )


def text_records(
    image_records: paths.Path, fingerprint: str
) -> paths.Path | None:
    """Finds the `cls` records that image records were drawn from.

    Args:
        image_records: `<records_dir>/image/<config>/<version>`.
        fingerprint: Fingerprint of the `cls` records.

    Returns:
        Their directory; `None` if they are gone.
    """
    root = image_records.parent.parent.parent / "cls"
    directories: Iterable[paths.Path] = root.glob(f"*-{fingerprint}")
    for directory in sorted(directories, key=str):
        if (directory / schema.VERSION).is_dir():
            return directory / schema.VERSION
    return None


def check(
    workdir: pathlib.Path,
    encoder: Mapping[str, Any],
    records: paths.Path | None,
    split: str,
    function: Callable[..., Mapping[str, Any]],
    *,
    most: int = _MOST_TEXTS,
) -> dict[str, Any]:
    """Compares an export with its run and logs the result.

    Args:
        workdir: Directory of the run.
        encoder: Description of the encoder that made the records.
        records: Records with the run's texts; `None` if they are gone.
        split: The split that the run predicted.
        function: The export's `serving_default`.
        most: Most examples to answer; of more predictions, this many at
            even intervals.

    Returns:
        `engine_agreement` with the fields of `Agreement`, for the export's
        provenance; nothing if TensorFlow made the records, or they are gone.
    """
    engine = encoder.get("engine", TENSORFLOW)
    if engine == TENSORFLOW:
        return {}
    made_by = f"{engine} in {encoder.get('dtype', 'float32')}"
    if records is None or not (records / schema.MANIFEST).is_file():
        logging.warning(
            "export: the records were made by %s and are gone: not checked "
            "whether the export, by TensorFlow, answers as the run did. Build "
            "the records again and export again to check it.",
            made_by,
        )
        return {}
    predictions = read_probabilities(workdir)
    ids = list(predictions)
    rows = np.linspace(0, len(ids) - 1, min(most, len(ids))).round().astype(int)
    chosen = {ids[row] for row in rows}
    answers = _answers(records, split, chosen, function)
    result = compare(predictions, answers)
    text = f"export: by TensorFlow, records by {made_by}: {result}"
    if result.same_label < (1 - _MOST_DIFFERENT) * result.compared:
        logging.warning(
            "%s. Train on records made with --encoder_engine=%s, or with "
            "--encoder_dtype=float32.",
            text,
            TENSORFLOW,
        )
    else:
        logging.info("%s", text)
    return {"engine_agreement": dataclasses.asdict(result)}


def compare(
    predictions: Mapping[str, np.ndarray], answers: Mapping[str, np.ndarray]
) -> Agreement:
    """Compares answers with predictions.

    Args:
        predictions: Record id to probabilities `(K,)`.
        answers: The same for at least one of these ids.
    """
    expected = np.stack([predictions[key] for key in answers])
    received = np.stack(list(answers.values()))
    differences = np.abs(expected - received).max(axis=1)
    same = expected.argmax(axis=1) == received.argmax(axis=1)
    return Agreement(
        compared=len(answers),
        predicted=len(predictions),
        same_label=int(same.sum()),
        largest_difference=float(differences.max()),
        mean_difference=float(differences.mean()),
    )


def _answers(
    records: paths.Path,
    split: str,
    chosen: set[str],
    function: Callable[..., Mapping[str, Any]],
) -> dict[str, np.ndarray]:
    """The export's probabilities by record id."""
    manifest = reader.open_records(records)
    answers = {}
    for batch in reader.read_records(records, split, manifest=manifest):
        keys = [key.decode() for key in batch["id"].numpy()]
        rows = [row for row, key in enumerate(keys) if key in chosen]
        if not rows:
            continue
        strings = {
            name: batch[name].numpy()[rows] for name in manifest.schema.strings
        }
        outputs = function(**strings)
        for row, answer in zip(rows, outputs["probabilities"], strict=True):
            answers[keys[row]] = np.asarray(answer)
    return answers
