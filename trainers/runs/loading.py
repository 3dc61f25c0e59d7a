"""A trained run from its directory: rebuilt, weights checked, then set.

Never a serialised model: the network is built by this project's own code from
config.json, so that nothing in the files can run.
"""

import dataclasses
import json
import pathlib
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

import keras

from tfrecords.settings import JsonSettings
from trainers.config import TrainConfig
from trainers.network import model
from trainers.runs import checkpoints, finished, json_files, votes
from trainers.runs.file_list import FileList
from trainers.runs.provenance import MAP_FILE, Origin
from trainers.runs.workdir import (
    CONFIG_FILE,
    METRICS_FILE,
    MODEL_FILE,
    MODEL_SHA256,
    RECORDS_FILE,
    RECORDS_FINGERPRINT,
)


class Records(Protocol):
    """What a run keeps of its records."""

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the records."""


Config = TypeVar("Config", bound=JsonSettings)
KeptRecords = TypeVar("KeptRecords", bound=Records)


@dataclasses.dataclass(frozen=True)
class RunKind(Generic[Config, KeptRecords]):
    """What the directories of one kind of run hold.

    Attributes:
        program: Module that trains such a run, for errors.
        config_class: Class of the settings in config.json.
        records_file: File that describes the run's records.
        load_records: Reads that file from a run's directory.
        figures: Keys that metrics.json must have besides hash and fingerprint.
    """

    program: str
    config_class: type[Config]
    records_file: str
    load_records: Callable[[pathlib.Path], KeptRecords]
    figures: tuple[str, ...]


TEXT_RUN = RunKind(
    "trainers.run",
    TrainConfig,
    RECORDS_FILE,
    Origin.load,
    (
        *("accuracy", "loss", "macro_f1", "calibration_error"),
        *("cumulative_accuracy", "num_validations", "confusion_matrix"),
        *("num_train", "num_validation", "label_names", "epochs"),
        *("feature_maps", "trainable_parameters", "picture_kept"),
        "learning_rates",
    ),
)


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished run of texts.

    Attributes:
        workdir: Directory of the run.
        config: Settings it was trained with.
        metrics: Contents of metrics.json.
        origin: What it keeps of its records.
        model: Images `(N, H, W, C)` to logits `(N, K)`, trained.
    """

    workdir: pathlib.Path
    config: TrainConfig
    metrics: dict[str, Any]
    origin: Origin
    model: keras.Model


def load(workdir: pathlib.Path | str) -> keras.Model:
    """Loads a trained model.

    Args:
        workdir: Directory of a finished run.

    Returns:
        Images `(N, H, W, C)` float32 to logits `(N, K)`.

    Raises:
        FileNotFoundError: If the run is not finished or a file is missing.
        ValueError: If files are damaged or do not belong together.
    """
    return load_run(workdir).model


def load_run(workdir: pathlib.Path | str) -> Run:
    """Loads a trained model with its settings and metrics; raises as `load`."""
    workdir = pathlib.Path(workdir)
    config, metrics, origin = read_run(workdir)
    # All the weights are in the file: no need for the slice's own.
    models = model.build_models(
        dataclasses.replace(config, weights="random"),
        origin.image_shape,
        len(origin.label_names),
    )
    load_weights(workdir, metrics, checkpoints.variables(models.whole))
    return Run(workdir, config, metrics, origin, models.whole)


def read_run(
    workdir: pathlib.Path,
) -> tuple[TrainConfig, dict[str, Any], Origin]:
    """Reads all of a finished run except its weights; raises as `load`."""
    route = workdir / "images"
    if (route / CONFIG_FILE).is_file():
        raise ValueError(
            f"{workdir} must be a run of the image route. Received: one of "
            f"--preset=best. Name the image route's own run, {route}."
        )
    return read_finished(workdir, TEXT_RUN)


def read_finished(
    workdir: pathlib.Path, kind: RunKind[Config, KeptRecords]
) -> tuple[Config, dict[str, Any], KeptRecords]:
    """Reads all of a finished run except its weights.

    Args:
        workdir: Directory of the run.
        kind: What it must hold.

    Returns:
        Its settings, the contents of metrics.json, and its records.

    Raises:
        FileNotFoundError: If the run is not finished or a file is missing.
        ValueError: If files are damaged or do not belong together.
    """
    votes.refuse(workdir, "A program that loads a trained network")
    claim = _read(
        workdir, CONFIG_FILE, ("config", RECORDS_FINGERPRINT), kind.program
    )
    metrics = _read(
        workdir,
        METRICS_FILE,
        (MODEL_SHA256, RECORDS_FINGERPRINT, *kind.figures),
        kind.program,
    )
    records = kind.load_records(workdir)
    fingerprints = {
        CONFIG_FILE: claim[RECORDS_FINGERPRINT],
        METRICS_FILE: metrics[RECORDS_FINGERPRINT],
        kind.records_file: records.fingerprint,
    }
    if len(set(fingerprints.values())) > 1:
        raise _of_different_records(workdir, fingerprints)
    try:
        config = kind.config_class.loads(json.dumps(claim["config"]))
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{workdir / CONFIG_FILE}: {error}. Name a --workdir that "
            f"{kind.program} has finished."
        ) from error
    # Last: what is said above is more precise.
    names = (CONFIG_FILE, METRICS_FILE, kind.records_file)
    for name, fault in FileList.of_run(workdir).faults(names).items():
        raise ValueError(
            f"{workdir / name} is damaged or another run's: {fault}. Restore "
            f"it, or name a --workdir that {kind.program} has finished."
        )
    return config, metrics, records


def load_weights(
    workdir: pathlib.Path,
    metrics: dict[str, Any],
    variables: dict[str, keras.Variable],
) -> None:
    """Sets the variables of a finished run's network from its weights.

    Args:
        workdir: Directory of the run.
        metrics: Contents of metrics.json.
        variables: Name in the file to variable.

    Raises:
        FileNotFoundError: If there is no file of weights.
        ValueError: If it is damaged or belongs to another run.
    """
    finished.check_model(workdir, metrics)
    path = workdir / MODEL_FILE
    metadata = checkpoints.load(path, variables)
    fingerprints = {
        METRICS_FILE: metrics[RECORDS_FINGERPRINT],
        MODEL_FILE: metadata[RECORDS_FINGERPRINT],
    }
    if len(set(fingerprints.values())) > 1:
        raise _of_different_records(workdir, fingerprints)


def obstacle(config: TrainConfig, origin: Origin) -> str | None:
    """Why a run with these settings and records cannot take texts, if so."""
    if config.normalization == "batch":
        return (
            "--normalization=batch cannot be served: pixels are normalised "
            "over a whole batch, as the published code does, so a text's "
            "prediction would depend on the texts beside it. Train with "
            "--normalization=image."
        )
    if (origin.stacks or {}).get("made_from") == "vectors":
        return (
            f"The stacks of the image records {origin.fingerprint} are vectors "
            "given by --stacks: no encoder is known that makes such vectors of "
            "texts. Classify new vectors as docs/guide/data.md shows."
        )
    if origin.encoder is None or MAP_FILE not in origin.files:
        return (
            f"The image records {origin.fingerprint} do not say which encoder "
            "and map made their images, so texts cannot be drawn. Train on "
            "records made with python -m tfrecords.build (sets of an earlier "
            "version: delete and build them again)."
        )
    return None


def _of_different_records(
    workdir: pathlib.Path, fingerprints: dict[str, str]
) -> ValueError:
    return ValueError(
        f"{workdir}: files of different records: {fingerprints}. Copy the "
        "whole directory of one run."
    )


def _read(
    workdir: pathlib.Path, name: str, keys: tuple[str, ...], program: str
) -> dict[str, Any]:
    path = workdir / name
    if not path.is_file():
        raise FileNotFoundError(
            f"{workdir} holds no {name}: not a finished run. Name a "
            f"--workdir that {program} has finished."
        )
    return json_files.read(
        path,
        keys,
        cure=f"Restore it, or name a --workdir that {program} has finished.",
    )
