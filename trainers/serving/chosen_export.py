"""The classifier that `--preset=best` chose, as a SavedModel."""

import pathlib

import keras

from tfrecords import paths
from trainers.runs import json_files
from trainers.runs.workdir import (
    CONFIG_FILE,
    MODEL_SHA256,
    RECORDS_FINGERPRINT,
)
from trainers.serving import agreement, chosen, saved_model

# Settings that are paths, or change no result.
_PATHS = ("dataset", "data_dir", "records_dir", "image_records", "weights")


def export(
    workdir: pathlib.Path,
    out: pathlib.Path,
    encoder: str | None = None,
    *,
    is_grouped: bool = False,
) -> pathlib.Path:
    """Exports what was chosen, unless that is the image route alone.

    Args:
        workdir: Directory of a finished run.
        out: Directory of the versions.
        encoder: Where the encoder is now, if not where it was.
        is_grouped: As of `trainers.export.export_run`.

    Returns:
        `<out>/<version>`.

    Raises:
        As `trainers.export.export_run`; ValueError also if texts are to be
        grouped that no encoder reads.
    """
    keras.backend.clear_session()
    metrics = chosen.read_metrics(workdir)
    if is_grouped and metrics["encoder"] is None:
        raise ValueError(
            "--export_batching is for an encoder. Received: a run that chose "
            "TF-IDF, which answers the texts of a request together anyway. "
            "Omit it."
        )
    classifier = chosen.load(workdir, encoder, is_grouped=is_grouped)
    settings = json_files.read(workdir / CONFIG_FILE, cure="Restore it.")
    recorded = dict(metrics["encoder"] or {})
    source = recorded.pop("source", "")
    provenance = {
        MODEL_SHA256: metrics[MODEL_SHA256],
        RECORDS_FINGERPRINT: metrics[RECORDS_FINGERPRINT],
        chosen.MEMBERS: metrics[chosen.MEMBERS],
        "encoder": recorded and {**recorded, "name": pathlib.Path(source).name},
        "settings": {
            name: value
            for name, value in settings["config"].items()
            if name not in _PATHS
        },
        "label_names": metrics["label_names"],
        "accuracy": metrics["accuracy"],
        "num_validation": metrics["num_validation"],
    }
    if recorded:
        provenance |= agreement.check(
            workdir,
            recorded,
            paths.open_path(metrics["stacks"]),
            "validation",
            classifier.signatures["serving_default"],
        )
    return saved_model.export(
        out,
        classifier,
        provenance=provenance,
        requests=classifier.requests(),
        grouping=classifier.grouping,
    )
