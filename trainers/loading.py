"""A trained run from its directory: rebuilt, weights checked, then set.

Never a serialised model: the network is built by this project's own code from
config.json, so that nothing in the files can run.
"""

import dataclasses
import json
import pathlib
from typing import Any

import keras

from tfrecords import schema
from trainers import model, origin, state
from trainers.config import TrainConfig


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
    origin: origin.Origin
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
    claim, metrics = _read(workdir, "config.json"), _read(workdir, "metrics.json")
    kept = origin.Origin.load(workdir)
    try:
        config = TrainConfig.loads(json.dumps(claim["config"]))
        fingerprints = {
            "config.json": claim["image_fingerprint"],
            "metrics.json": metrics["image_fingerprint"],
            origin.RECORDS: kept.fingerprint,
        }
        sha256 = metrics["model_sha256"]
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{workdir}/config.json or metrics.json is damaged: {error!r}."
        ) from error
    path = workdir / "model.safetensors"
    received = schema.sha256_of_file(path)
    if received != sha256:
        raise ValueError(
            f"{path} must have the sha256 {sha256}, as metrics.json says. "
            f"Received: {received}. It was damaged or belongs to another run;"
            " restore it, or delete metrics.json and train again."
        )
    # All the weights are in the file: no need for the slice's own.
    models = model.build_models(
        dataclasses.replace(config, weights="random"),
        kept.image_shape,
        len(kept.label_names),
    )
    metadata = state.load(path, state.variables(models.whole))
    fingerprints[path.name] = metadata["image_fingerprint"]
    if len(set(fingerprints.values())) > 1:
        raise ValueError(
            f"{workdir}: files of different records: {fingerprints}. Copy "
            "the whole directory of one run."
        )
    return Run(workdir, config, metrics, kept, models.whole)


def _read(workdir: pathlib.Path, name: str) -> dict[str, Any]:
    path = workdir / name
    if not path.is_file():
        raise FileNotFoundError(
            f"{workdir} holds no {name}: not a finished run. Name the "
            "--workdir of a run that trainers.run has finished."
        )
    try:
        value = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}).") from error
    if not isinstance(value, dict):
        raise ValueError(
            f"{path} must hold a JSON object. Received: {type(value).__name__}"
        )
    return value
