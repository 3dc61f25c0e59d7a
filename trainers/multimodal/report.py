"""Finished runs to report.md: the paper's Table 2, robustness, figures."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from tfrecords import files, paths, reader
from trainers.multimodal import (
    baselines,
    comparisons,
    figures,
    report_sections,
)
from trainers.multimodal.comparisons import Result
from trainers.multimodal.config import MultimodalTrainConfig
from trainers.multimodal.plan import Row
from trainers.reports import data_section, markdown
from trainers.runs.workdir import REPORT_FILE


def write_report(
    workdir: pathlib.Path,
    rows: Sequence[Row],
    config: MultimodalTrainConfig,
) -> pathlib.Path:
    """Writes `report.md` and its figures.

    Args:
        workdir: The table's directory, which holds its finished trainings.
        rows: Rows of the table.
        config: Settings of all trainings.

    Returns:
        The report's path.
    """
    records = paths.open_path(config.records)
    manifest = reader.open_records(records, kind="multimodal")
    results = comparisons.read_results(workdir, rows)
    fused = _best_fusion(results)
    captions = {} if fused is None else _draw(workdir, fused, results)
    text = compose(
        results,
        config,
        name=records.parent.name,
        num_classes=len(manifest.schema.label_names),
        compared=baselines.baselines(records),
        details=manifest.details,
        captions=captions,
    )
    path = workdir / REPORT_FILE
    files.write_text(path, text)
    return path


def compose(
    results: Sequence[Result],
    config: MultimodalTrainConfig,
    *,
    name: str,
    num_classes: int,
    compared: Mapping[str, Mapping[str, float]],
    details: Mapping[str, Any],
    captions: Mapping[str, str],
) -> str:
    """Composes the report's Markdown.

    Args:
        results: Rows of the table with their results.
        config: Settings of all trainings.
        name: Name of the records.
        num_classes: K.
        compared: Baseline to its figures.
        details: Details of the records' manifest. `missing` is source to
            counts of `samples`, missing `title` and missing `description`.
        captions: Figure to caption.
    """
    first = results[0].metrics[0]
    return markdown.document(
        [
            "# Images with titles and descriptions",
            "",
            f"Records `{name}`: {first['num_train']} train and "
            f"{first['num_held_out']} {first['split']} samples of "
            f"{num_classes} classes. Weights "
            f"`{pathlib.PurePath(config.weights).name}`, images of "
            f"{config.image_size} pixels, "
            f"{markdown.count(config.epochs, 'epoch')}, "
            f"{markdown.count(len(results[0].metrics), 'seed')}.",
            "",
            *data_section.data_section(details, "sample"),
            *report_sections.results_section(results),
            "",
            *report_sections.baselines_section(compared),
            "",
            *report_sections.robustness_section(results),
            "",
            *report_sections.missing_section(details["missing"]),
            *markdown.figures(captions),
        ]
    )


def _best_fusion(results: Sequence[Result]) -> Result | None:
    """The best fusion of an image, trained without modality dropout."""
    fusions = [
        result
        for result in results
        if result.row.is_fusion
        and "image" in result.row.modalities
        and not result.row.modality_dropout
    ]
    return max(fusions, key=lambda result: result.accuracy, default=None)


def _draw(
    workdir: pathlib.Path, fused: Result, results: Sequence[Result]
) -> dict[str, str]:
    """Figures of the first seed; file name to caption."""
    singles = comparisons.singles_of(fused, results)
    return figures.draw(
        workdir,
        fused.row.directories(workdir)[0],
        [single.row.directories(workdir)[0] for single in singles],
    )
