"""A trained run from its directory: rebuilt, weights checked, then set.

Never a serialised model: the network is built by this project's own code from
config.json, so that nothing in the files can run.
"""

import dataclasses
import json
import pathlib
from typing import Any

import keras

from text2image import hashes
from trainers.config import TrainConfig
from trainers.network import model
from trainers.runs import checkpoints, provenance


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        workdir: Its directory.
        config: Its settings.
        metrics: The contents of metrics.json.
        origin: Its records.
        model: Pictures `(N, H, W, C)` to logits `(N, K)`, trained.
    """

    workdir: pathlib.Path
    config: TrainConfig
    metrics: dict[str, Any]
    origin: provenance.Origin
    model: keras.Model


def load(workdir: pathlib.Path | str) -> keras.Model:
    """Loads a trained model.

    Args:
        workdir: The directory of a finished run.

    Returns:
        Pictures `(N, H, W, C)` float32 to logits `(N, K)`.

    Raises:
        FileNotFoundError: If the run is not finished or a file is missing.
        ValueError: If files are damaged or do not belong together.
    """
    return load_run(workdir).model


def load_run(workdir: pathlib.Path | str) -> Run:
    """Loads a trained model with what is known of it; raises as `load`."""
    workdir = pathlib.Path(workdir)
    config, metrics, kept = read_run(workdir)
    path = workdir / "model.safetensors"
    received = hashes.sha256_of_file(path)
    if received != metrics["model_sha256"]:
        raise ValueError(
            f"{path} must have the sha256 {metrics['model_sha256']}, as "
            f"metrics.json says. Received: {received}. It was damaged or "
            "belongs to another run; restore it, or delete metrics.json and "
            "train again."
        )
    # All the weights are in the file: no need for the slice's own.
    models = model.build_models(
        dataclasses.replace(config, weights="random"),
        kept.image_shape,
        len(kept.label_names),
    )
    metadata = checkpoints.load(path, checkpoints.variables(models.whole))
    _check_same_records(
        workdir,
        {
            provenance.RECORDS: kept.fingerprint,
            path.name: metadata["image_fingerprint"],
        },
    )
    return Run(workdir, config, metrics, kept, models.whole)


def read_run(
    workdir: pathlib.Path,
) -> tuple[TrainConfig, dict[str, Any], provenance.Origin]:
    """Reads all of a finished run but its weights; raises as `load`."""
    claim = _read(workdir, "config.json", ("config", "image_fingerprint"))
    metrics = _read(
        workdir,
        "metrics.json",
        ("model_sha256", "image_fingerprint", "accuracy", "num_validation"),
    )
    kept = provenance.Origin.load(workdir)
    _check_same_records(
        workdir,
        {
            "config.json": claim["image_fingerprint"],
            "metrics.json": metrics["image_fingerprint"],
            provenance.RECORDS: kept.fingerprint,
        },
    )
    try:
        config = TrainConfig.loads(json.dumps(claim["config"]))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{workdir / 'config.json'}: {error}") from error
    return config, metrics, kept


def obstacle(config: TrainConfig, kept: provenance.Origin) -> str | None:
    """Why a run of these settings and records cannot take texts, or `None`."""
    if config.normalization == "batch":
        return (
            "--normalization=batch cannot be served: pixels are normalised "
            "over a whole batch, as the published code does, so a text's "
            "answer would depend on the texts beside it. Train with "
            "--normalization=image."
        )
    if kept.encoder is None or "pixel_map.npz" not in kept.files:
        return (
            f"The image records {kept.fingerprint} do not say which encoder "
            "and map made their pictures, so texts cannot be drawn. Train on "
            "records made with python -m tfrecords.build (sets of an earlier "
            "version: delete and build them again)."
        )
    return None


def _check_same_records(
    workdir: pathlib.Path, fingerprints: dict[str, str]
) -> None:
    if len(set(fingerprints.values())) > 1:
        raise ValueError(
            f"{workdir}: files of different records: {fingerprints}. Copy "
            "the whole directory of one run."
        )


def _read(
    workdir: pathlib.Path, name: str, keys: tuple[str, ...]
) -> dict[str, Any]:
    path = workdir / name
    if not path.is_file():
        raise FileNotFoundError(
            f"{workdir} holds no {name}: not a finished run. Name the "
            "--workdir of a run that trainers.run has finished."
        )
    try:
        value = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged ({error}): not a JSON file. Restore it."
        ) from error
    if not isinstance(value, dict) or not set(keys) <= set(value):
        raise ValueError(
            f"{path} must hold a JSON object with {list(keys)}. It is damaged:"
            " restore it."
        )
    return value
