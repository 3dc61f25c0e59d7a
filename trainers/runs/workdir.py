"""The files of a run's directory: claim, history, predictions, metrics."""

import csv
import io
import json
import pathlib
import typing
from collections.abc import Collection
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from text2image import hashes
from tfrecords import files, schema
from trainers.training import feature_cache
from trainers.training import metrics as evaluate

if typing.TYPE_CHECKING:
    from trainers.config import TrainConfig
    from trainers.multimodal.config import MultimodalTrainConfig

HISTORY = ("epoch", "train_loss", "train_accuracy", "loss", "accuracy")
_METRICS = "metrics.json"
_CONTENT = "fingerprint of the records"
_WEIGHTS = "sha256 of the weights' file"
# Settings that move nothing in the results.
_FREE = ("image_records", "records", "cache_gb")


def claim_workdir(
    config: "TrainConfig | MultimodalTrainConfig",
    manifest: schema.Manifest,
    workdir: pathlib.Path,
) -> None:
    """Writes config.json, or checks that an earlier try had the same.

    Args:
        config: The run's settings.
        manifest: Of its records.
        workdir: The run's directory; made if it is not there.

    Raises:
        PermissionError: If it cannot be made.
        ValueError: If it holds a run of other settings or records, or a
            damaged config.json.
    """
    files.make_directory(workdir, "workdir")
    path = workdir / "config.json"
    claim = {
        "config": json.loads(config.dumps()),
        "image_fingerprint": manifest.fingerprint,
        "weights_sha256": _sha256_of(config.weights),
    }
    if not path.is_file():
        files.write_bytes(
            path, json.dumps(claim, indent=2, sort_keys=True).encode()
        )
        return
    try:
        found = json.loads(path.read_text("utf-8"))
        earlier = {
            **found["config"],
            _CONTENT: found["image_fingerprint"],
            # Earlier runs do not say.
            _WEIGHTS: found.get("weights_sha256", claim["weights_sha256"]),
        }
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is damaged ({error}). Name another --workdir."
        ) from error
    now = {
        **claim["config"],
        _CONTENT: manifest.fingerprint,
        _WEIGHTS: claim["weights_sha256"],
    }
    refuse_changes(workdir, earlier, now, free=_FREE)


def _sha256_of(weights: str) -> str | None:
    """Of a file of weights; those that go by a name are known by it."""
    path = pathlib.Path(weights)
    is_file = bool(path.suffix) and path.is_file()
    return hashes.sha256_of_file(path) if is_file else None


def refuse_changes(
    workdir: pathlib.Path,
    earlier: dict[str, Any],
    now: dict[str, Any],
    *,
    free: Collection[str],
) -> None:
    """Refuses a directory that holds a run of other settings.

    Args:
        workdir: The run's directory.
        earlier: Settings that were found there.
        now: Settings of this run.
        free: Names of settings that may differ.

    Raises:
        ValueError: If others differ; names them.
    """
    changed = [
        f"{name}: {earlier.get(name)!r} there, {now.get(name)!r} here"
        for name in sorted(set(earlier) | set(now))
        if name not in free and earlier.get(name) != now.get(name)
    ]
    if changed:
        raise ValueError(
            f"{workdir} holds a run with other settings ({'; '.join(changed)})"
            ". Name another --workdir, or delete it."
        )


def write_history(
    workdir: pathlib.Path, history: list[dict[str, float]]
) -> None:
    """history.csv: a line an epoch; the last one also goes to the log."""
    text = io.StringIO()
    writer = csv.DictWriter(text, HISTORY, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    files.write_bytes(workdir / "history.csv", text.getvalue().encode())
    logging.info(
        "epoch %d: train loss %.4f, accuracy %.4f; validation loss %.4f, "
        "accuracy %.4f",
        *(history[-1][name] for name in HISTORY),
    )


def log_scalars(workdir: pathlib.Path, row: dict[str, float]) -> None:
    """The figures of an epoch, for TensorBoard."""
    for name, scalars in (
        ("train", {"loss": "train_loss", "accuracy": "train_accuracy"}),
        ("validation", {"loss": "loss", "accuracy": "accuracy"}),
    ):
        log = tf.summary.create_file_writer(str(workdir / "tensorboard" / name))
        with log.as_default(step=int(row["epoch"])):
            for tag, field in scalars.items():
                tf.summary.scalar(tag, row[field])
        log.close()


def write_predictions(
    workdir: pathlib.Path,
    manifest: schema.Manifest,
    inputs: feature_cache.Inputs,
    logits: np.ndarray,
) -> None:
    """predictions.csv: id, label, prediction and every class's probability."""
    names = manifest.schema.label_names
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("id", "label", "prediction", *names))
    probabilities = evaluate.softmax(logits)
    for key, label, row in zip(
        inputs.ids, inputs.labels, probabilities, strict=True
    ):
        writer.writerow(
            (key, names[label], names[row.argmax()], *np.round(row, 6).tolist())
        )
    files.write_bytes(workdir / "predictions.csv", text.getvalue().encode())


def read_predictions(workdir: pathlib.Path) -> dict[str, tuple[str, str]]:
    """Record id to label and prediction of predictions.csv, in its order."""
    path = workdir / "predictions.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        next(rows)  # the header; a class may be called like a column
        return {row[0]: (row[1], row[2]) for row in rows}


def write_metrics(workdir: pathlib.Path, metrics: dict[str, Any]) -> None:
    """metrics.json: the last file of a run; with it, it is finished."""
    files.write_text(
        workdir / _METRICS, json.dumps(metrics, indent=2, sort_keys=True)
    )


def read_metrics(workdir: pathlib.Path) -> dict[str, Any]:
    """The contents of metrics.json of a finished run."""
    return json.loads((workdir / _METRICS).read_text("utf-8"))


def reuse_metrics(workdir: pathlib.Path) -> dict[str, Any] | None:
    """The same if the run is finished, and tells the log what happens."""
    is_finished = (workdir / _METRICS).is_file()
    logging.info(
        "training: %s %s", "reusing" if is_finished else "making", workdir
    )
    return read_metrics(workdir) if is_finished else None
