"""A table's trainings to report.md. Reads, never trains."""

import pathlib
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.figure
import numpy as np

from tfrecords import files
from tfrecords.paths import Path
from trainers import backbones
from trainers.experiments import baselines
from trainers.experiments.plan import UNPAIRED, Row, unique_trainings
from trainers.reports import (
    data_section,
    example_images,
    figures,
    markdown,
    run_report,
    slice_curves,
    slice_panel,
    table_comparisons,
    table_sections,
)
from trainers.reports.table_sections import TrainedRow
from trainers.runs import loading
from trainers.runs.predictions import read_predictions
from trainers.runs.workdir import REPORT_FILE, read_metrics

_FIRST_RUN = ("map.png", "density.png", "examples.png", "feature_maps.png")
_CAPTIONS = {
    "curves.png": "Validation accuracy by epoch, mean over seeds (the paper's "
    "Fig. 9).",
    "slices.png": "Feature maps of every slice, for the first of the images "
    "in examples.png; each map on its own scale (the paper's Fig. 8).",
    **{name: run_report.CAPTIONS[name] for name in _FIRST_RUN},
}


def write_table(
    workdir: pathlib.Path,
    planned: Sequence[Row],
    failures: Mapping[str, str],
    *,
    on_maps: Mapping[str, dict[str, Any]],
    peers: Mapping[str, dict[str, Any]],
    cls_dir: Path,
    image_dir: Path,
) -> pathlib.Path:
    """Writes `report.md` and its figures.

    Args:
        workdir: The table's directory.
        planned: Rows of the plan.
        failures: Name of a training, `maps of` a backbone or `peer` with a
            name to the reason why it failed.
        on_maps: Backbone to the regression on its feature maps.
        peers: What the method competes with to its result.
        cls_dir: The base's `cls` records.
        image_dir: The base's `image` records.

    Returns:
        The report's path.
    """
    labels = baselines.labels_of(cls_dir)
    compared = {
        "majority": baselines.majority(labels),
        "TF-IDF": baselines.tfidf(cls_dir),
        "stacks": baselines.logistic_regression(cls_dir, "stack"),
        "images": baselines.logistic_regression(image_dir, "image"),
        **{f"maps of {name}": result for name, result in on_maps.items()},
    }
    rows = _rows(workdir, planned, failures, len(labels["validation"]))
    trained = [row for row in rows.get("backbones", []) if row.metrics]
    captions: Mapping[str, str] = {}
    if trained:
        captions = _captions(trained)
        figures.save(_draw_curves(trained), workdir / "curves.png")
        firsts = {
            row.name: paths[0]
            for row in planned
            if row.group == "backbones"
            and (paths := _finished(workdir, row, failures))
        }
        shown = example_images.read(image_dir, cls_dir)
        figures.save(
            slice_panel.draw(firsts, shown.images), workdir / "slices.png"
        )
        _copy_figures(workdir, next(iter(firsts.values())))
    captions = {
        **captions,
        **slice_curves.save(rows.get("slice", []), workdir),
    }
    path = workdir / REPORT_FILE
    details = data_section.read_details(image_dir, "image")
    text = compose(
        rows,
        compared,
        np.array(compared["stacks"]["predictions"]) == labels["validation"],
        comparisons=[
            *table_comparisons.published_table(
                trained,
                (len(labels["train"]), len(labels["validation"])),
                details,
            ),
            *table_comparisons.peer_table(peers, trained, labels["validation"]),
        ],
        failures=failure_lines(planned, failures),
        captions=captions,
        num_train=len(labels["train"]),
        num_validation=len(labels["validation"]),
        image_dir=image_dir,
        details=details,
    )
    files.write_text(path, text)
    return path


def compose(
    rows: Mapping[str, Sequence[TrainedRow]],
    compared: table_sections.Baselines,
    right_on_stacks: np.ndarray,
    *,
    failures: Sequence[str],
    captions: Mapping[str, str],
    num_train: int,
    num_validation: int,
    image_dir: Path,
    details: Mapping[str, Any],
    comparisons: Sequence[str] = (),
) -> str:
    """Composes the report's Markdown.

    Args:
        rows: Group to its rows.
        compared: Baseline to its result.
        right_on_stacks: `(num_validation,)` bool, which texts logistic
            regression on the stacks gets right.
        failures: As `failure_lines` gives them.
        captions: Figure to caption.
        num_train: Texts of the train split.
        num_validation: Texts of the validation split.
        image_dir: The base's `image` records.
        details: Details of their manifest.
        comparisons: Sections of `table_comparisons`.
    """
    lines = [
        "# Texts as images: every backbone on the same texts",
        "",
        f"{num_train:,} train and {num_validation:,} validation texts, the "
        f"same for every row. Records: `{image_dir}`.",
        "",
        *data_section.data_section(details),
        *table_sections.table_one(
            rows.get("backbones", []), compared, right_on_stacks
        ),
        *comparisons,
        *table_sections.baseline_table(compared),
        *table_sections.ablation_tables(rows),
    ]
    if failures:
        lines += ["## Failed", "", *failures, ""]
    return markdown.document([*lines, *markdown.figures(captions)])


def _finished(
    workdir: pathlib.Path, row: Row, failures: Mapping[str, str]
) -> list[pathlib.Path]:
    """Directories of the trainings of a row whose results may be shown.

    A directory that exists may hold a training on other records: that is
    among the failures.
    """
    return [
        training.path(workdir)
        for training in row.trainings
        if training.name not in failures and training.path(workdir).is_dir()
    ]


def _rows(
    workdir: pathlib.Path,
    planned: Sequence[Row],
    failures: Mapping[str, str],
    num_validation: int,
) -> dict[str, list[TrainedRow]]:
    """Group to its rows, in the order of the plan."""
    groups: dict[str, list[TrainedRow]] = {}
    for row in planned:
        directories = _finished(workdir, row, failures)
        trained = TrainedRow(
            row.name,
            config=row.trainings[0].train if directories else None,
            is_base=row.is_base,
            metrics=[read_metrics(path) for path in directories],
            right=[
                _right(path, num_validation)
                for path in directories
                if row.group not in UNPAIRED
            ],
        )
        groups.setdefault(row.group, []).append(trained)
    return groups


def _right(directory: pathlib.Path, count: int) -> np.ndarray:
    """`(count,)` bool: which validation texts a training gets right."""
    answers = read_predictions(directory).values()
    if len(answers) != count:
        raise ValueError(
            f"{directory}/predictions.csv must hold {count} predictions, one "
            f"per validation text. Received: {len(answers)}. Delete the "
            "directory and run the same command again."
        )
    return np.array([label == predicted for label, predicted in answers])


def failure_lines(
    planned: Sequence[Row], failures: Mapping[str, str]
) -> list[str]:
    """A list item per training or regression that failed, each once."""
    reasons = (
        {
            f"{row.group}, {row.name}, seed {training.train.seed}": failures[
                name
            ]
            for name, (row, training) in unique_trainings(planned).items()
            if name in failures
        }
        | {
            f"logistic regression on the {name}": reason
            for name, reason in failures.items()
            if name.startswith("maps of ")
        }
        | {
            name: reason
            for name, reason in failures.items()
            if name.startswith("peer ")
        }
    )
    return [
        f"- {name}: {markdown.plain(reason)}"
        for name, reason in reasons.items()
    ]


def _against(rows: Sequence[TrainedRow]) -> tuple[str, str]:
    """What curves are drawn against, and the key of such histories.

    Steps, if all the trainings validated within their epochs (--eval_every).
    """
    by_step = all("validations" in each for row in rows for each in row.metrics)
    return ("step", "validations") if by_step else ("epoch", "epochs")


def _captions(rows: Sequence[TrainedRow]) -> dict[str, str]:
    against, _ = _against(rows)
    caption = _CAPTIONS["curves.png"].replace("epoch", against, 1)
    return {**_CAPTIONS, "curves.png": caption}


def _draw_curves(rows: Sequence[TrainedRow]) -> matplotlib.figure.Figure:
    against, histories = _against(rows)
    lines = [
        figures.Line(
            backbones.get_backbone(row.name).title,
            "accuracy",
            [metrics[histories] for metrics in row.metrics],
            against,
        )
        for row in rows
    ]
    return figures.learning_curves({"validation accuracy": lines})


def _copy_figures(workdir: pathlib.Path, directory: pathlib.Path) -> None:
    """The map, examples and feature maps of a training."""
    config, metrics, _ = loading.read_run(directory)
    run_report.write_report(directory, config, metrics, {})
    for name in _FIRST_RUN:
        shutil.copyfile(directory / name, workdir / name)
