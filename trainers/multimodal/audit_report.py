"""The audit of a run's data: computed, drawn, and written to its directory."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import tqdm

from tfrecords import files
from trainers.multimodal import (
    audit_figures,
    audit_sections,
    class_modes,
    class_similarity,
    loading,
    suspect_labels,
    vector_index,
)
from trainers.reports import markdown
from trainers.reports.figures import save
from trainers.reports.mistakes import SUSPECTS_FILE, Predictions
from trainers.runs import json_files
from trainers.runs.workdir import METRICS_FILE, REPORT_FILE
from trainers.serving import formats

DIRECTORY = "audit"
MODES_FILE = "modes.csv"
SIMILARITY_FILE = "title_similarity.csv"
_FLIPPED = 0.05  # share of labels flipped on purpose


@dataclasses.dataclass(frozen=True)
class Audit:
    """What was found in the data of a run.

    Attributes:
        run: The run.
        index: The rows of its records.
        predictions: Predictions of the rows that it was not trained on.
        recovery: How the rule for suspects does on flipped labels.
        modes: Modes of each class that has rows; first the classes of which
            the model puts most of a mode elsewhere.
        similarity: By titles; `None` if the model sees no titles.
    """

    run: loading.Run
    index: vector_index.VectorIndex
    predictions: Predictions
    recovery: suspect_labels.Recovery
    modes: Sequence[class_modes.Modes]
    similarity: class_similarity.ClassSimilarity | None


def write(workdir: pathlib.Path, seed: int) -> pathlib.Path:
    """Audits a run and writes `audit/` to its directory.

    Returns:
        The path of the report.

    Raises:
        FileNotFoundError: If the run is not finished, or its records are gone.
        ValueError: If files are damaged or do not belong together.
    """
    run = loading.load_run(workdir)
    found = compute(run, seed)
    out = workdir / DIRECTORY
    out.mkdir(exist_ok=True)
    names = found.predictions.label_names
    _write_csv(
        out / SUSPECTS_FILE,
        ("id", "label", "suggestion", "probability"),
        (
            (
                found.predictions.ids[row],
                names[found.predictions.labels[row]],
                names[label],
                f"{found.predictions.self_confidence[row]:.6f}",
            )
            for row, label in zip(*found.predictions.suspects(), strict=True)
        ),
    )
    _write_csv(
        out / MODES_FILE,
        ("id", "label", "mode"),
        (
            (row["id"], names[each.label], mode + 1)
            for each in found.modes
            if each.count > 1
            for row, mode in zip(
                found.index.read(each.rows), each.modes, strict=True
            )
        ),
    )
    if found.similarity is not None:
        shown = [names[label] for label in found.similarity.labels]
        _write_csv(
            out / SIMILARITY_FILE,
            ("label", *shown),
            (
                (name, *(f"{value:.6f}" for value in line))
                for name, line in zip(
                    shown, found.similarity.cosines, strict=True
                )
            ),
        )
    captions = {}
    for name, (figure, caption) in audit_figures.draw(
        run,
        found.index,
        found.predictions,
        found.modes,
        found.similarity,
    ).items():
        save(figure, out / name)
        captions[name] = caption
    files.write_text(out / REPORT_FILE, compose(found, captions))
    json_files.write_checked(out / METRICS_FILE, _metrics(found, seed))
    return out / REPORT_FILE


def compute(run: loading.Run, seed: int) -> Audit:
    """Finds suspects, modes and similar classes in the data of a run."""
    index = vector_index.open_index(run)
    predictions = suspect_labels.predict_held_out(run, index)
    classes = range(len(run.manifest.schema.label_names))
    modes = [
        class_modes.find_modes(index, label, seed)
        for label in tqdm.tqdm(classes, unit="class", desc="modes")
    ]
    return Audit(
        run,
        index,
        predictions,
        suspect_labels.flip(predictions, _FLIPPED, seed),
        _doubtful_first(
            index,
            predictions,
            [each for each in modes if each is not None],
        ),
        class_similarity.compare_titles(run, seed)
        if "title" in run.config.towers
        else None,
    )


def _doubtful_first(
    index: vector_index.VectorIndex,
    predictions: Predictions,
    modes: list[class_modes.Modes],
) -> list[class_modes.Modes]:
    """Orders classes by the least held-out accuracy of their modes."""
    is_right = dict(
        zip(
            suspect_labels.held_out_numbers(index).tolist(),
            predictions.predicted == predictions.labels,
            strict=True,
        )
    )

    def least(each: class_modes.Modes) -> float:
        return min(
            float(np.mean([is_right[row] for row in rows if row in is_right]))
            if any(row in is_right for row in rows)
            else 1.0
            for rows in (
                each.rows[each.modes == mode].tolist()
                for mode in range(each.count)
            )
        )

    return sorted(modes, key=least)


def compose(found: Audit, captions: dict[str, str]) -> str:
    """Composes the report's Markdown.

    Args:
        found: What was found.
        captions: File name of each figure to its caption.
    """
    splits = ", ".join(
        f"{count:,} {split}" for split, count in found.index.splits.items()
    )
    return markdown.document(
        [
            "# What may be wrong with the data",
            "",
            f"{splits} samples of "
            f"{len(found.predictions.label_names)} classes; top-1 of the model "
            f"{found.run.metrics['accuracy']:.4f}.",
            "",
            "## Labels that may be wrong",
            "",
            *audit_sections.suspects_section(
                found.predictions, found.recovery, _FLIPPED
            ),
            "",
            "## Modes inside classes",
            "",
            *audit_sections.modes_section(
                found.index, found.predictions, found.modes
            ),
            "",
            "## Classes with similar titles",
            "",
            *audit_sections.similarity_section(
                found.predictions, found.similarity
            ),
            *markdown.figures(captions),
        ]
    )


def _metrics(found: Audit, seed: int) -> dict[str, Any]:
    suspects, _ = found.predictions.suspects()
    return {
        "seed": seed,
        "num_held_out": len(found.predictions.labels),
        "suspects": len(suspects),
        "flipped": {
            **dataclasses.asdict(found.recovery),
            "precision": found.recovery.precision,
            "recall": found.recovery.recall,
        },
        "modes": {
            found.predictions.label_names[each.label]: {
                "sizes": np.bincount(each.modes).tolist(),
                "silhouette": each.silhouette,
            }
            for each in found.modes
        },
        "title_similarity": found.similarity and found.similarity.test,
    }


def _write_csv(path: pathlib.Path, header: Any, rows: Any) -> None:
    files.write_text(path, "".join(map(formats.row, [header, *rows])))
