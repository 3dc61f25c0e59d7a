"""The files of a run's directory: claim, history, predictions, metrics."""

import csv
import io
import json
import pathlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, Protocol

import tensorflow as tf
from absl import logging

from text2image import hashes
from tfrecords import files, schema, system_errors
from tfrecords.settings import fingerprint
from trainers.config import start_sha256
from trainers.runs import json_files
from trainers.runs.file_list import FileList

# Names of the files and directories of a run.
CONFIG_FILE = "config.json"
RECORDS_FILE = "records.json"
CHECKPOINT_FILE = "checkpoint.safetensors"
HISTORY_FILE = "history.csv"
MODEL_FILE = "model.safetensors"
PREDICTIONS_FILE = "predictions.csv"
METRICS_FILE = "metrics.json"
REPORT_FILE = "report.md"
EXPLANATIONS_FILE = "explanations.md"
EXPORT_DIRECTORY = "export"
TENSORBOARD_DIRECTORY = "tensorboard"
# Keys of config.json, metrics.json and the metadata of the weights. The first
# holds the fingerprint of the records of either kind, not of images only.
RECORDS_FINGERPRINT = "image_fingerprint"
MODEL_SHA256 = "model_sha256"
WEIGHTS_SHA256 = "weights_sha256"
START_SHA256 = "start_sha256"

HISTORY = ("epoch", "train_loss", "train_accuracy", "loss", "accuracy")
_RECORDS = "fingerprint of the records"
_WEIGHTS = "sha256 of the weights' file"
_START = "sha256 of the weights of --from_run"
# Settings that change no result.
_MAY_DIFFER = ("image_records", "records", "cache_gb", "from_run")


class RunSettings(Protocol):
    """What a run's directory needs to know of its settings."""

    ADDED_LATER: ClassVar[Mapping[str, Any]]

    @property
    def weights(self) -> str:
        """Name of published weights, or path of a file."""

    def dumps(self) -> str:
        """All settings as JSON."""


def claim_workdir(
    config: RunSettings, manifest: schema.Manifest, workdir: pathlib.Path
) -> dict[str, Any]:
    """Writes config.json, or checks that an earlier try had the same settings.

    Args:
        config: Settings of the run.
        manifest: Manifest of the records it trains on.
        workdir: Directory of the run; created if missing.

    Returns:
        What identifies the run in its checkpoints.

    Raises:
        PermissionError: If it cannot be created or written.
        ValueError: If it holds a run with other settings or records, or a
            damaged config.json.
    """
    files.make_directory(workdir, "workdir")
    path = workdir / CONFIG_FILE
    claim = {
        "config": json.loads(config.dumps()),
        RECORDS_FINGERPRINT: manifest.fingerprint,
        WEIGHTS_SHA256: _sha256_of(config.weights),
    }
    if start := claim["config"].get("from_run"):
        claim[START_SHA256] = start_sha256(start)
    listed = FileList.of_run(workdir)
    listed.remove_if_damaged()
    if not path.is_file():
        files.write_json(path, claim)
        listed.record((CONFIG_FILE,))
        return _identify(config, claim)
    cure = "Restore it, or name another --workdir."
    earlier_claim = json_files.read(
        path, ("config", RECORDS_FINGERPRINT), cure=cure
    )
    try:
        earlier = {
            **config.ADDED_LATER,
            **earlier_claim["config"],
            _RECORDS: earlier_claim[RECORDS_FINGERPRINT],
            # Not in the runs of earlier versions.
            _WEIGHTS: earlier_claim.get(WEIGHTS_SHA256, claim[WEIGHTS_SHA256]),
            _START: earlier_claim.get(START_SHA256),
        }
    except TypeError as error:
        raise ValueError(f"{path} is damaged ({error}). {cure}") from error
    now = {
        **claim["config"],
        _RECORDS: manifest.fingerprint,
        _WEIGHTS: claim[WEIGHTS_SHA256],
        _START: claim.get(START_SHA256),
    }
    refuse_changes(workdir, earlier, now, may_differ=_MAY_DIFFER)
    for fault in listed.faults((CONFIG_FILE,)).values():
        raise ValueError(f"{path} is damaged: {fault}. {cure}")
    listed.record((CONFIG_FILE,))  # a damaged list was removed
    return _identify(config, claim)


def _identify(config: RunSettings, claim: dict[str, Any]) -> dict[str, Any]:
    """What identifies a run, without paths and without later settings."""
    unnamed = {*_MAY_DIFFER, *(["weights"] if claim[WEIGHTS_SHA256] else [])}
    settings = {
        name: value
        for name, value in claim["config"].items()
        if name not in unnamed
        and (name, value) not in config.ADDED_LATER.items()
    }
    if START_SHA256 in claim:
        settings["from_run"] = claim[START_SHA256]
    return {
        "settings": fingerprint({**settings, "": claim[WEIGHTS_SHA256]}),
        "seed": claim["config"]["seed"],
        RECORDS_FINGERPRINT: claim[RECORDS_FINGERPRINT],
    }


def _sha256_of(weights: str) -> str | None:
    """Hash of a file of weights; `None` for weights known by their name."""
    path = pathlib.Path(weights).expanduser()
    is_file = bool(path.suffix) and path.is_file()
    return hashes.sha256_of_file(path) if is_file else None


def refuse_changes(
    workdir: pathlib.Path,
    earlier: dict[str, Any],
    now: dict[str, Any],
    *,
    may_differ: Collection[str],
) -> None:
    """Refuses a directory that holds a run with other settings.

    Args:
        workdir: Directory of the run.
        earlier: Settings read from it.
        now: Settings of this run.
        may_differ: Names of settings that are not compared.

    Raises:
        ValueError: If any other setting differs; names all that do.
    """
    changed = [
        f"{name}: {earlier.get(name)!r} there, {now.get(name)!r} here"
        for name in sorted(set(earlier) | set(now))
        if name not in may_differ and earlier.get(name) != now.get(name)
    ]
    if changed:
        raise ValueError(
            f"{workdir} holds a run with other settings ({'; '.join(changed)})"
            ". Name another --workdir, or delete it."
        )


def check_settings(config: RunSettings, workdir: pathlib.Path) -> None:
    """Refuses a directory for a run before there are records to train on.

    Args:
        config: Settings of the run.
        workdir: Directory of the run; created if missing.

    Raises:
        PermissionError: If it cannot be created or written.
        ValueError: If it holds a run with other settings.
    """
    files.make_directory(workdir, "workdir")
    path = workdir / CONFIG_FILE
    try:
        earlier = {
            **config.ADDED_LATER,
            **json.loads(path.read_text("utf-8"))["config"],
        }
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return  # there is none, or `claim_workdir` says what is wrong with it
    now = json.loads(config.dumps())
    refuse_changes(workdir, earlier, now, may_differ=_MAY_DIFFER)


def write_history(
    workdir: pathlib.Path, history: list[dict[str, float]]
) -> None:
    """Writes history.csv, one row per epoch, and logs the last epoch."""
    text = io.StringIO()
    writer = csv.DictWriter(text, HISTORY, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    files.write_text(workdir / HISTORY_FILE, text.getvalue())
    logging.info(
        "epoch %d: train loss %.4f, accuracy %.4f; validation loss %.4f, "
        "accuracy %.4f",
        *(history[-1][name] for name in HISTORY),
    )


def log_scalars(workdir: pathlib.Path, row: dict[str, float]) -> None:
    """Writes one epoch's row of the history for TensorBoard."""
    for name, scalars in (
        ("train", {"loss": "train_loss", "accuracy": "train_accuracy"}),
        ("validation", {"loss": "loss", "accuracy": "accuracy"}),
    ):
        directory = workdir / TENSORBOARD_DIRECTORY / name
        with system_errors.while_writing(directory):
            log = tf.summary.create_file_writer(str(directory))
            with log.as_default(step=int(row["epoch"])):
                for tag, field in scalars.items():
                    tf.summary.scalar(tag, row[field])
            log.close()


def finish(
    workdir: pathlib.Path, names: Sequence[str], metrics: dict[str, Any]
) -> None:
    """Writes metrics.json, the last file of a run: it marks it as finished.

    Args:
        workdir: Directory of the run.
        names: Its other files, which are listed with their sha256.
        metrics: Figures of the run.
    """
    text = json.dumps(metrics, indent=2, sort_keys=True)
    FileList.of_run(workdir).record(names, {METRICS_FILE: text.encode("utf-8")})
    files.write_text(workdir / METRICS_FILE, text)


def read_metrics(
    workdir: pathlib.Path, keys: Collection[str] = ()
) -> dict[str, Any]:
    """Reads metrics.json of a finished run.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged, or lacks one of the keys.
    """
    return json_files.read(
        workdir / METRICS_FILE,
        keys,
        cure="Restore it, or delete it and run the same command again: that "
        "trains only what the checkpoint lacks.",
    )


def is_finished(workdir: pathlib.Path) -> bool:
    """Whether a run has written its last file."""
    return (workdir / METRICS_FILE).is_file()
