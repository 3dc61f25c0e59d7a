"""A finished run is looked at before it is reused.

What can be made again from its other files is; what cannot is named.
"""

import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from absl import logging

from text2image import hashes
from trainers.runs.file_list import FileList
from trainers.runs.workdir import (
    CONFIG_FILE,
    HISTORY_FILE,
    METRICS_FILE,
    MODEL_FILE,
    MODEL_SHA256,
    RECORDS_FINGERPRINT,
    is_finished,
    read_metrics,
    write_history,
)

# Why this works: the checkpoint of the last epoch stays.
_CURE = (
    f"Restore it, or delete {METRICS_FILE} and run the same command again: "
    "that trains only what the checkpoint lacks."
)
# Figures that metrics.json of every kind of run has.
_COMMON = ("accuracy", "epochs", MODEL_SHA256, RECORDS_FINGERPRINT)


def reuse(
    workdir: pathlib.Path,
    records_fingerprint: str,
    keys: tuple[str, ...],
    remakes: Mapping[str, Callable[[], None]],
) -> dict[str, Any] | None:
    """Reads the metrics of a finished run; logs whether it is finished.

    Args:
        workdir: Directory of the run.
        records_fingerprint: Fingerprint of the records of the command.
        keys: Keys that metrics.json must have, besides the common ones.
        remakes: Name of a file that depends on model and records to what
            writes it again.

    Returns:
        The contents of metrics.json; `None` if the run is not finished.

    Raises:
        FileNotFoundError: If the model is missing.
        ValueError: If metrics.json or the model is damaged or of another run.
    """
    if not is_finished(workdir):
        logging.info("training: making %s", workdir)
        return None
    metrics = _read_checked(workdir, records_fingerprint, keys)
    listed = FileList.of_run(workdir)
    faults = listed.faults((HISTORY_FILE, *remakes))
    for name, fault in faults.items():
        logging.warning("%s: %s. It is made again.", workdir / name, fault)
        if name == HISTORY_FILE:
            write_history(workdir, metrics["epochs"])
        else:
            remakes[name]()
    listed.record(
        (CONFIG_FILE, MODEL_FILE, HISTORY_FILE, *remakes, METRICS_FILE)
    )
    logging.info("training: reusing %s", workdir)
    return metrics


def _read_checked(
    workdir: pathlib.Path, records_fingerprint: str, keys: tuple[str, ...]
) -> dict[str, Any]:
    """Reads metrics.json after a look at what cannot be made again."""
    metrics = read_metrics(workdir, (*_COMMON, *keys))
    path = workdir / METRICS_FILE
    if metrics[RECORDS_FINGERPRINT] != records_fingerprint:
        raise ValueError(
            f"{path} must be of the records {records_fingerprint}. Received: "
            f"{metrics[RECORDS_FINGERPRINT]}, another run's file. {_CURE}"
        )
    faults = FileList.of_run(workdir).faults((METRICS_FILE,))
    if faults:
        raise ValueError(
            f"{path} is damaged or another run's: {faults[METRICS_FILE]}. "
            f"{_CURE}"
        )
    check_model(workdir, metrics)
    return metrics


def check_model(workdir: pathlib.Path, metrics: dict[str, Any]) -> None:
    """Checks that a run's weights are those that its metrics name.

    Raises:
        FileNotFoundError: If there is no file of weights.
        ValueError: If it is damaged or belongs to another run.
    """
    path = workdir / MODEL_FILE
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing. {_CURE}")
    received = hashes.sha256_of_file(path)
    if received != metrics[MODEL_SHA256]:
        raise ValueError(
            f"{path} must have the sha256 {metrics[MODEL_SHA256]}, as "
            f"{METRICS_FILE} says. Received: {received}. One of the two was "
            f"damaged or belongs to another run. {_CURE}"
        )
