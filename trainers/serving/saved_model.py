"""Finished runs as SavedModels: written, published, found and loaded."""

import dataclasses
import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_text  # noqa: F401  registers its ops
from absl import logging

from text2image import allowed_ops
from trainers.runs import json_files
from trainers.runs.workdir import (
    EXPORT_DIRECTORY,
    MODEL_SHA256,
    RECORDS_FINGERPRINT,
    RunSettings,
)
from trainers.serving import batching_config, saved_model_files, versions
from trainers.serving.grouping import Grouping
from trainers.serving.saved_model_files import (
    EXTRA,
    PROVENANCE_FILE,
    VERSIONS_FILE,
    Request,
    Servable,
)

MODEL_FILE = "saved_model.pb"
_ALWAYS = (
    MODEL_FILE,
    "variables/variables.index",
    "variables/variables.data-00000-of-00001",
)
# Settings that are paths; the fingerprint identifies the records.
_PATHS = ("image_records", "records", "from_run")


def export(
    out: pathlib.Path,
    servable: Servable,
    *,
    provenance: dict[str, Any],
    requests: Sequence[Request],
    grouping: Grouping | None = None,
) -> pathlib.Path:
    """Writes a SavedModel as the next version of an export.

    Beside it, in `<out>/core/<version>`, the same model with the signatures
    that load without tensorflow-text, if there are such and other signatures.

    Args:
        out: Directory of the versions.
        servable: The model.
        provenance: What it was made from, as `describe` says it.
        requests: Warm-up requests, answered by a server before any other.
        grouping: The shapes in which it answers, if not one by one: added to
            the provenance, and written to `<out>/batching.config`.

    Returns:
        `<out>/<version>`.

    Raises:
        RuntimeError: If another process is exporting to `out`, or the graph
            holds an op that is not allowed.
        OSError: If the files cannot be written.
    """
    if grouping is not None:
        provenance = {**provenance, "batching": dataclasses.asdict(grouping)}
    version = versions.publish(
        out,
        lambda directory: saved_model_files.write(
            directory, servable, provenance, requests
        ),
    )
    logging.info("export: made %s", version)
    if grouping is not None:
        batching_config.write(out, grouping)
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

    A version that is damaged does not count, which is logged with the reason.
    """
    numbers = versions.numbers(out)
    if not numbers:
        return None
    newest = out / str(numbers[-1])
    try:
        provenance = _read_provenance(newest)
        is_same = provenance[MODEL_SHA256] == model_sha256
        faults = find_faults(newest)
        core = out / versions.CORE / newest.name
        if core.is_dir():
            faults += [f"core: {fault}" for fault in find_faults(core)]
    except (FileNotFoundError, ValueError) as error:
        is_same, faults = True, [str(error)]
    if is_same and not faults:
        return newest
    # A damaged file may name another model.
    reason = f"not whole ({'; '.join(faults)})" if faults else "another model"
    logging.warning("export: %s is %s", newest, reason)
    return None


def find_faults(version: pathlib.Path, *, hash_all: bool = False) -> list[str]:
    """Lists the faults of a version's files.

    Args:
        version: Directory of the version, or of its core.
        hash_all: Whether large files are hashed, too.
    """
    listed = saved_model_files.list_of(version)
    try:
        # Exports of earlier versions have no list.
        faults = listed.faults(
            None if listed.read() else _ALWAYS, hash_all=hash_all
        )
    except ValueError as error:
        return [str(error)]
    return [f"{name}: {fault}" for name, fault in faults.items()]


def _read_provenance(version: pathlib.Path) -> dict[str, Any]:
    return json_files.read(
        version / EXTRA / PROVENANCE_FILE,
        (MODEL_SHA256, "label_names"),
        cure="Export the run again.",
    )


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
    directory = _newest(directory)
    extra = directory / EXTRA
    for path in (directory / MODEL_FILE, extra / PROVENANCE_FILE):
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is missing: not an export. Make one with python -m "
                "trainers.export --workdir=RUN"
            )
    faults = find_faults(directory)
    if faults:
        raise ValueError(
            f"{directory} is damaged ({'; '.join(faults)}). Export the run "
            "again."
        )
    try:
        _warn_of_versions(extra / VERSIONS_FILE)
        allowed_ops.check_ops(directory)
        saved_model_files.check_fingerprint(directory)
        model = tf.saved_model.load(str(directory))
        provenance = _read_provenance(directory)
        tuple(provenance["label_names"])  # or it is damaged
        return dict(model.signatures), provenance
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        tf.errors.OpError,
    ) as error:
        raise ValueError(
            f"{directory} is damaged ({error}). Export the run again."
        ) from error


def read_provenance(directory: pathlib.Path) -> dict[str, Any]:
    """Reads the provenance of an export without loading it.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged.
    """
    return _read_provenance(_newest(directory))


def _newest(directory: pathlib.Path) -> pathlib.Path:
    numbers = versions.numbers(directory)
    if numbers and not (directory / MODEL_FILE).is_file():
        return directory / str(numbers[-1])
    return directory


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
        **({"start": metrics["start"]} if "start" in metrics else {}),
    }


def _warn_of_versions(path: pathlib.Path) -> None:
    written_with = json_files.read(path, cure="Export the run again.")
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
