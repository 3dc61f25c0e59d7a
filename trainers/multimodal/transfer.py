"""Starts a run of images with texts from a finished one (`--from_run`)."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from text2image.bert import checkpoint
from text2image.corpora.examples import CAPTIONS
from tfrecords.config import RecordsConfig
from tfrecords.multimodal_config import MultimodalConfig
from trainers.multimodal import loading, model
from trainers.multimodal.config import MultimodalTrainConfig
from trainers.runs import starts

_CLASS_LAYERS = ("head_dense",)
_IMAGE_SETTINGS = (
    *("backbone", "weights", "image_size", "pixel_range"),
    *("frozen_fraction", "frozen_grid"),
)
# Of the records' provenance, with the value of records that lack it.
_TEXT_SETTINGS = {"text_layers": "last1", "pooling": "cls"}


def check(config: MultimodalTrainConfig, provenance: Mapping[str, Any]) -> None:
    """Refuses a start that does not fit.

    Args:
        config: Settings of the run.
        provenance: That of its records, or `asked` of those to be made.

    Raises:
        FileNotFoundError: If `from_run` is not finished.
        ValueError: If towers or encoder are others.
    """
    if not config.from_run:
        return
    earlier, _, manifest = loading.read_run(pathlib.Path(config.from_run))
    fields = provenance.get("text_fields", ",".join(CAPTIONS)).split(",")
    names: list[str] = []
    if config.has_image:
        names += _IMAGE_SETTINGS
    if config.has_texts:
        names.append("text_units")
    starts.refuse_others(
        config.from_run,
        [
            *other_modalities(
                earlier, manifest.schema.text_fields, config, fields
            ),
            *((n, getattr(earlier, n), getattr(config, n)) for n in names),
        ],
    )
    if not config.has_texts:
        return
    theirs = manifest.provenance["encoder_sha256"]
    if provenance["encoder_sha256"] != theirs:
        raise ValueError(
            f"--from_run={config.from_run} reads vectors of its own encoder "
            f"(sha256 {theirs}). Received: another (sha256 "
            f"{provenance['encoder_sha256']}). Use "
            f"--encoder={manifest.details['encoder']['source']}"
        )
    starts.refuse_others(
        config.from_run,
        [
            (
                name,
                manifest.provenance.get(name, default),
                provenance.get(name, default),
            )
            for name, default in _TEXT_SETTINGS.items()
        ],
    )


def other_modalities(
    earlier: MultimodalTrainConfig,
    earlier_fields: Sequence[str],
    config: MultimodalTrainConfig,
    fields: Sequence[str],
) -> list[tuple[str, str, str]]:
    """What keeps one network from seeing what the other sees.

    The head reads the vectors in the order of the records' texts, whatever
    that of `modalities`.

    Args:
        earlier: Settings of the earlier run.
        earlier_fields: Texts of its records, in their order.
        config: Settings of the run that starts.
        fields: Texts of its records.

    Returns:
        Flag, its value there and its value here; empty if both see the same.
    """
    if set(earlier.towers) != set(config.towers):
        return [("modalities", earlier.modalities, config.modalities)]
    orders = [
        [name for name in texts if name in config.towers]
        for texts in (earlier_fields, fields)
    ]
    if orders[0] == orders[1]:
        return []
    return [("text_fields", ",".join(earlier_fields), ",".join(fields))]


def asked(records: RecordsConfig, chosen: MultimodalConfig) -> dict[str, Any]:
    """Provenance of records that are to be made, as far as `check` reads it."""
    located = checkpoint.locate(records.encoder)
    return {
        "encoder_sha256": checkpoint.identify(located),
        **chosen.provenance,
    }


def start(
    config: MultimodalTrainConfig,
    models: model.Models,
    label_names: Sequence[str],
) -> None:
    """Sets towers and head to those of the run that `from_run` names, if any.

    The frozen layers too: the trained ones read what these give.

    Raises:
        As `starts.copy`.
    """
    if not config.from_run:
        return
    run = pathlib.Path(config.from_run)
    _, metrics, _ = loading.read_run(run)
    variables = model.named_variables(models)
    starts.copy(run, metrics, variables, _CLASS_LAYERS, label_names)


def describe(
    config: MultimodalTrainConfig, label_names: Sequence[str]
) -> dict[str, Any]:
    """`start` for metrics.json, as `starts.describe`, if there is one."""
    if not config.from_run:
        return {}
    _, metrics, _ = loading.read_run(pathlib.Path(config.from_run))
    return {"start": starts.describe(config.from_run, metrics, label_names)}
