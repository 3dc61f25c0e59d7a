"""Starts a run of texts from the trained half of a finished one.

The head reads pixels by their place, so the images of the new texts are drawn
with the run's own scaler and map: by the same encoder, layers and pooling.
"""

import pathlib
from collections.abc import Sequence

from text2image.bert import checkpoint
from tfrecords import schema
from tfrecords.config import RecordsConfig
from trainers.config import TrainConfig
from trainers.runs import checkpoints, loading, starts
from trainers.runs.provenance import MAP_FILE, Origin
from trainers.training.trainee import Trainee, fit_standardization

# Layers of the head with a column per class.
_CLASS_LAYERS = ("head_logits", "head_shortcut")
_SETTINGS = ("backbone", "slice_depth", "weights", "autoencoder")


def check(config: TrainConfig, records: RecordsConfig | None) -> Origin:
    """Refuses a start that does not fit, before anything is computed.

    Args:
        config: Settings of the run; `from_run` names the finished run.
        records: Settings of the records that are to be made; `None` if
            `config` names finished ones.

    Returns:
        What the finished run keeps of its records.

    Raises:
        FileNotFoundError: If that run is not finished.
        ValueError: If slice, autoencoder or encoder are others, or the run
            keeps no map.
    """
    earlier, _, origin = loading.read_run(pathlib.Path(config.from_run))
    if earlier.trainable_slice:
        raise ValueError(
            f"--from_run={config.from_run} must have a frozen slice: a run "
            "takes over the half after it. Received: a run with "
            "--trainable_slice. Start from a run without it."
        )
    names = [*_SETTINGS]
    if config.autoencoder == "symmetric":
        names.append("bottleneck")
    if config.weights == "random":
        names.append("seed")
    pairs: list[tuple[str, object, object]] = [
        (name, getattr(earlier, name), getattr(config, name)) for name in names
    ]
    pairs.append(("upsample", earlier.enlargement, config.enlargement))
    starts.refuse_others(config.from_run, pairs)
    if MAP_FILE not in origin.files:
        raise ValueError(
            f"--from_run={config.from_run} must keep the map of its images. "
            "Received: a run on records of another program. Start from a run "
            "whose records this program made."
        )
    if records is not None and not records.stacks:
        _check_encoder(config.from_run, records, origin)
    return origin


def _check_encoder(run: str, records: RecordsConfig, origin: Origin) -> None:
    encoder = origin.encoder or {}
    received = checkpoint.identify(checkpoint.locate(records.encoder))
    if received != encoder.get("sha256"):
        cure = (
            f"Use --encoder={encoder['source']}"
            if encoder
            else "Use the run's --stacks"
        )
        raise ValueError(
            f"--from_run={run}: its map has a pixel for each feature of its "
            f"own encoder (sha256 {encoder.get('sha256')}). Received: "
            f"--encoder={records.encoder} (sha256 {received}). {cure}."
        )
    starts.refuse_others(
        run,
        [
            ("pooling", encoder.get("pooling", "cls"), records.pooling),
            (
                "long_texts",
                encoder.get("long_texts", "cut"),
                records.long_texts,
            ),
            ("clean", encoder.get("clean", "none"), records.clean),
        ],
    )


def check_map(config: TrainConfig, manifest: schema.Manifest) -> None:
    """Refuses records that another map drew, if `from_run` names a run.

    Raises:
        FileNotFoundError, ValueError: As `check`, or if they do not have the
            run's map.
    """
    if not config.from_run:
        return
    expected = check(config, None).files[MAP_FILE]
    received = manifest.files.get(MAP_FILE)
    if received != expected:
        raise ValueError(
            f"--from_run={config.from_run} reads images of its own map (sha256 "
            f"{expected}). Received: --image_records={config.image_records} "
            f"with another ({received}). Name --dataset instead: its images "
            "are drawn with the run's map."
        )


def describe(
    config: TrainConfig, label_names: Sequence[str]
) -> dict[str, object]:
    """`start` for metrics.json, as `starts.describe`, if there is one."""
    if not config.from_run:
        return {}
    _, metrics, _ = loading.read_run(pathlib.Path(config.from_run))
    start = starts.describe(config.from_run, metrics, label_names)
    return {"start": start}


def start(
    config: TrainConfig, trainee: Trainee, label_names: Sequence[str]
) -> None:
    """Sets what is not random before the first epoch.

    With `from_run`, the trained half of that run.

    Raises:
        As `starts.copy`.
    """
    if not config.from_run:
        fit_standardization(trainee, config.batch_size)
        return
    run = pathlib.Path(config.from_run)
    _, metrics, _ = loading.read_run(run)
    trained = {id(each) for each in trainee.models.classifier.variables}
    starts.copy(
        run,
        metrics,
        {
            name: variable
            for name, variable in checkpoints.variables(
                trainee.models.whole
            ).items()
            if id(variable) in trained
        },
        _CLASS_LAYERS,
        label_names,
    )
