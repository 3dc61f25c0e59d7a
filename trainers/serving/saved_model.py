"""Finished runs as SavedModels: written, published, found and loaded."""

import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_text  # noqa: F401  registers its ops
from absl import logging

from trainers.runs.workdir import (
    EXPORT_DIRECTORY,
    MODEL_SHA256,
    RECORDS_FINGERPRINT,
    RunSettings,
)
from trainers.serving import allowed_ops, saved_model_files, versions
from trainers.serving.saved_model_files import (
    EXTRA,
    PROVENANCE_FILE,
    VERSIONS_FILE,
    Request,
    Servable,
)

MODEL_FILE = "saved_model.pb"
# Settings that are paths; the fingerprint identifies the records.
_PATHS = ("image_records", "records")


def export(
    out: pathlib.Path,
    servable: Servable,
    *,
    provenance: dict[str, Any],
    requests: Sequence[Request],
) -> pathlib.Path:
    """Writes a SavedModel as the next version of an export.

    Beside it, in `<out>/core/<version>`, the same model with the signatures
    that load without tensorflow-text, if there are such and other signatures.

    Args:
        out: Directory of the versions.
        servable: The model.
        provenance: What it was made from, as `describe` says it.
        requests: Warm-up requests, answered by a server before any other.

    Returns:
        `<out>/<version>`.

    Raises:
        RuntimeError: If another process is exporting to `out`, or the graph
            holds an op that is not allowed.
        OSError: If the files cannot be written.
    """
    version = versions.publish(
        out,
        lambda directory: saved_model_files.write(
            directory, servable, provenance, requests
        ),
    )
    logging.info("export: made %s", version)
    return version


def reuse_or_export(
    workdir: pathlib.Path,
    metrics: dict[str, Any],
    export_run: Callable[[], pathlib.Path],
) -> pathlib.Path:
    """Exports a run to its own directory, unless that is done.

    Args:
        workdir: Directory of the run.
        metrics: Contents of its metrics.json.
        export_run: Exports it.

    Returns:
        `<workdir>/export/<version>`.
    """
    version = latest(workdir / EXPORT_DIRECTORY, metrics[MODEL_SHA256])
    if version is None:
        return export_run()
    logging.info("export: reusing %s", version)
    return version


def latest(out: pathlib.Path, model_sha256: str) -> pathlib.Path | None:
    """The newest version, if it holds the model with these weights.

    Versions that are damaged, or made by other programs, do not count.
    """
    numbers = versions.numbers(out)
    if not numbers:
        return None
    newest = out / str(numbers[-1])
    try:
        provenance = _read_json(newest / EXTRA / PROVENANCE_FILE)
        is_same = provenance[MODEL_SHA256] == model_sha256
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return newest if is_same else None


def load(
    directory: pathlib.Path,
) -> tuple[dict[str, Callable], dict[str, Any]]:
    """Loads a SavedModel that `export` wrote, without the run's files.

    A SavedModel is a program: load only what you trust.

    Args:
        directory: `<out>/<version>`, or `<out>` for its newest version.

    Returns:
        Its functions by signature, and its provenance.

    Raises:
        FileNotFoundError: If there is no export.
        ValueError: If it is damaged.
        RuntimeError: If its graph holds an op that is not allowed.
    """
    numbers = versions.numbers(directory)
    if numbers and not (directory / MODEL_FILE).is_file():
        directory = directory / str(numbers[-1])
    extra = directory / EXTRA
    for path in (directory / MODEL_FILE, extra / PROVENANCE_FILE):
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is missing: not an export. Make one with python -m "
                "trainers.export --workdir=RUN"
            )
    try:
        _warn_of_versions(extra / VERSIONS_FILE)
        allowed_ops.check_ops(directory)
        model = tf.saved_model.load(str(directory))
        provenance = _read_json(extra / PROVENANCE_FILE)
        tuple(provenance["label_names"])  # or it is damaged
        return dict(model.signatures), provenance
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        tf.errors.OpError,
    ) as error:
        raise ValueError(
            f"{directory} is damaged ({error}). Export the run again."
        ) from error


def describe(
    settings: RunSettings,
    metrics: dict[str, Any],
    *,
    records_fingerprint: str,
    encoder: dict[str, Any],
    label_names: tuple[str, ...],
) -> dict[str, Any]:
    """What a model was made from: names and hashes, no paths.

    Args:
        settings: Settings of its run.
        metrics: Contents of the run's metrics.json.
        records_fingerprint: Fingerprint of the run's records.
        encoder: Description of the encoder that made the records.
        label_names: Class names in label order.
    """
    values = json.loads(settings.dumps())
    values["weights"] = pathlib.PurePath(values["weights"]).name
    name = pathlib.PurePath(encoder["source"]).name
    return {
        MODEL_SHA256: metrics[MODEL_SHA256],
        RECORDS_FINGERPRINT: records_fingerprint,
        "encoder": {**_without(encoder, ("source",)), "name": name},
        "settings": _without(values, _PATHS),
        "label_names": list(label_names),
        "accuracy": metrics["accuracy"],
    }


def _warn_of_versions(path: pathlib.Path) -> None:
    written_with = _read_json(path)
    installed = saved_model_files.installed_versions()
    for name in ("tensorflow", "tensorflow-text"):
        if written_with.get(name) != installed[name]:
            logging.warning(
                "export made with %s %s, loaded with %s",
                name,
                written_with.get(name),
                installed[name],
            )


def _without(values: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in names}


def _read_json(path: pathlib.Path) -> Any:
    return json.loads(path.read_text("utf-8"))
