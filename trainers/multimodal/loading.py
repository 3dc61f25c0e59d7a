"""A finished multimodal run from its directory, weights checked, then set."""

import dataclasses
import json
import pathlib
from typing import Any

from text2image import hashes
from tfrecords import schema
from trainers.multimodal import model
from trainers.multimodal.config import MultimodalTrainConfig
from trainers.runs import checkpoints


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        workdir: Its directory.
        config: Its settings.
        metrics: The contents of metrics.json.
        manifest: Of its records; they need not be there any more.
        models: Its network, trained.
    """

    workdir: pathlib.Path
    config: MultimodalTrainConfig
    metrics: dict[str, Any]
    manifest: schema.Manifest
    models: model.Models


def load_run(workdir: pathlib.Path | str) -> Run:
    """Loads a finished run.

    Raises:
        FileNotFoundError: If the run is not finished or a file is missing.
        ValueError: If files are damaged or do not belong together.
    """
    workdir = pathlib.Path(workdir)
    config, metrics, manifest = read_run(workdir)
    path = workdir / "model.safetensors"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing. Give the run's training command again after "
            "deleting metrics.json."
        )
    received = hashes.sha256_of_file(path)
    if received != metrics["model_sha256"]:
        raise ValueError(
            f"{path} must have the sha256 {metrics['model_sha256']}, as "
            f"metrics.json says. Received: {received}. Restore it, or delete "
            "metrics.json and train again."
        )
    # All the weights are in the file: no need for the tower's own.
    models = model.build_models(
        dataclasses.replace(config, weights="random"),
        manifest.schema.shape[-1],
        len(manifest.schema.label_names),
    )
    checkpoints.load(path, model.named_variables(models))
    return Run(workdir, config, metrics, manifest, models)


def read_run(
    workdir: pathlib.Path,
) -> tuple[MultimodalTrainConfig, dict[str, Any], schema.Manifest]:
    """Reads all of a finished run but its weights; raises as `load_run`."""
    values = []
    for name in ("config.json", "metrics.json"):
        path = workdir / name
        if not path.is_file():
            raise FileNotFoundError(
                f"{workdir} holds no {name}: not a finished run. Name the "
                "--workdir of a run that trainers.multimodal.run has finished."
            )
        values.append(path.read_text("utf-8"))
    try:
        claim, metrics = (json.loads(text) for text in values)
        config = MultimodalTrainConfig.loads(json.dumps(claim["config"]))
        fingerprints = {
            claim["image_fingerprint"],
            metrics["image_fingerprint"],
        }
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{workdir}: config.json and metrics.json must be of a multimodal "
            f"run and whole ({error}). Name another --workdir."
        ) from error
    manifest = schema.Manifest.load(workdir)
    if fingerprints != {manifest.fingerprint}:
        raise ValueError(
            f"{workdir}: files of different records: "
            f"{sorted({*fingerprints, manifest.fingerprint})}. Copy the whole "
            "directory of one run."
        )
    return config, metrics, manifest
