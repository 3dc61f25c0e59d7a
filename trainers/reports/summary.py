"""The last lines that a run logs: its result, and what to do after the demo."""

import pathlib
from collections.abc import Mapping
from typing import Any

from absl import logging

from tfrecords.config import RecordsConfig
from trainers.config import TrainConfig
from trainers.runs.workdir import REPORT_FILE


def log_result(
    workdir: pathlib.Path,
    config: TrainConfig,
    metrics: Mapping[str, Any],
    baselines: Mapping[str, Mapping[str, Any]],
    seconds: float,
) -> None:
    """Logs the accuracy beside those of the baselines.

    Args:
        workdir: Directory of the run.
        config: Settings of the run.
        metrics: The contents of metrics.json.
        baselines: Name to the result of `baselines.logistic_regression`.
        seconds: Duration of the command.
    """
    beside = "".join(
        f", logistic regression on the {name} {result['accuracy']:.4f}"
        for name, result in baselines.items()
    )
    logging.info(
        "%s: accuracy %.4f on %d validation texts%s; %.0f s; see %s",
        config.backbone,
        metrics["accuracy"],
        metrics["num_validation"],
        beside,
        seconds,
        workdir / REPORT_FILE,
    )


def log_end_of_demo(config: TrainConfig, records: RecordsConfig) -> None:
    """Logs what the demo was, and the command for a real corpus."""
    logging.info(
        "That was the demo: short reviews written for this project, encoder "
        "%s, %s weights.",
        records.encoder,
        config.weights,
    )
    logging.info(
        "The real thing: python -m trainers.run --preset=imdb --download "
        "--backbone=%s",
        config.backbone,
    )
