"""`--preset=best` from the command line: find, export, say what was found."""

import pathlib
import time
from collections.abc import Mapping
from typing import Any

from absl import logging

from tfrecords.command_line import Arguments
from tfrecords.config import RecordsConfig
from trainers import export as exporting
from trainers.config import TrainConfig
from trainers.runs import holding, json_files
from trainers.runs.workdir import METRICS_FILE, REPORT_FILE
from trainers.selection import best, claim, report
from trainers.selection.flags import SelectionOptions
from trainers.serving import chosen, saved_model
from trainers.training import loop


def run(arguments: Arguments, workdir: str, *, is_exported: bool) -> None:
    """Finds the best classifier as the flags say.

    Args:
        arguments: The command line.
        workdir: Directory of the run; empty for its usual name.
        is_exported: Whether what was chosen is exported.
    """
    start = time.monotonic()
    minutes = arguments.settings(SelectionOptions).minutes
    config = arguments.settings(TrainConfig)
    records = arguments.settings(RecordsConfig)
    directory = pathlib.Path(
        workdir or claim.default_workdir(minutes, config, records)
    )
    with loop.deterministic(), holding.hold(directory):
        metrics = best.find_best(minutes, config, records, directory)
        if is_exported:
            export(directory, metrics, records.encoder)
    log_result(directory, metrics, time.monotonic() - start)


def export(
    workdir: pathlib.Path, metrics: dict[str, Any], encoder: str
) -> pathlib.Path:
    """Exports what was chosen, unless that is done.

    Args:
        workdir: Directory of the finished run.
        metrics: Contents of its metrics.json.
        encoder: Where the encoder is.

    Returns:
        `<workdir>/export/<version>`.
    """
    if chosen.has_images_alone(metrics):
        metrics = json_files.read(
            workdir / chosen.IMAGES / METRICS_FILE,
            cure="Run the same command in a new --workdir.",
        )
    return saved_model.reuse_or_export(
        workdir,
        metrics,
        lambda: exporting.export_run(workdir, encoder=encoder),
    )


def log_result(
    workdir: pathlib.Path, metrics: Mapping[str, Any], seconds: float
) -> None:
    """Logs what was chosen, beside the accuracies of all candidates."""
    others = ", ".join(
        f"{report.title(name)} {values['accuracy']:.4f}"
        for name, values in metrics["candidates"].items()
    )
    logging.info(
        "best: %s, accuracy %.4f on %d validation texts (%s); %.0f s; see %s",
        report.title(metrics["chosen"]),
        metrics["accuracy"],
        metrics["num_validation"],
        others,
        seconds,
        workdir / REPORT_FILE,
    )
