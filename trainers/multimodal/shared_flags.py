"""What the commands run and table share: flags, refusals, records."""

import dataclasses
from collections.abc import Sequence

from text2image.corpora import row_files, row_sources
from text2image.corpora.rows import Reading
from tfrecords import command_line
from tfrecords.config import RecordsConfig
from tfrecords.devices import DeviceOptions
from tfrecords.multimodal_config import MultimodalConfig
from tfrecords.stages import map_checks
from trainers.multimodal.config import (
    MultimodalTrainConfig,
    check_modalities,
)
from trainers.weights import sources

SETTINGS = (
    MultimodalTrainConfig,
    RecordsConfig,
    MultimodalConfig,
    DeviceOptions,
)


def check(arguments: command_line.Arguments) -> None:
    """Refuses what can be refused before anything is computed.

    Raises:
        FileNotFoundError: If the weights do not exist.
        ValueError: If a flag has no effect, or a value is refused.
    """
    train = arguments.settings(MultimodalTrainConfig)
    records = arguments.settings(RecordsConfig)
    chosen = arguments.settings(MultimodalConfig)
    if not train.records:
        check_modalities(train.modalities, chosen.fields)
    arguments.refuse_ignored(_ignored_flags(train, records, chosen))
    if not train.records and "dataset" not in arguments.typed:
        raise ValueError(
            "--dataset must name a .csv, .tsv, .jsonl or .parquet file with a "
            "column of images, or a directory of images or of TFDS. Received: "
            "none. There is no demo of images."
        )
    row_sources.check_parts(records.dataset, records.reading)
    sources.check_source(train.weights, ("imagenet", "random"))
    if not train.records:
        map_checks.check_text_encoder(records, chosen)


def reading(arguments: command_line.Arguments) -> Reading:
    """Returns how a file's rows are read, as `captioned_images` does."""
    records = arguments.settings(RecordsConfig)
    chosen = arguments.settings(MultimodalConfig)
    keys = (
        *(records.label_key or "label", chosen.image_key),
        *(chosen.title_key, chosen.description_key),
    )
    return dataclasses.replace(
        records.reading, text_key=",".join(keys), label_key=""
    )


def _ignored_flags(
    train: MultimodalTrainConfig,
    records: RecordsConfig,
    chosen: MultimodalConfig,
) -> list[command_line.Rule]:
    """Flags that another setting leaves without effect."""
    all_records = [
        field.name
        for settings in (RecordsConfig, MultimodalConfig)
        for field in dataclasses.fields(settings)
    ]
    return [
        (all_records, bool(train.records), "--records names finished records"),
        map_checks.bert_flags(records),
        (
            ("text_layers",),
            chosen.pooling == "first_last",
            "--pooling=first_last has layers of its own",
        ),
        (
            ("held_out",),
            records.split == "official",
            "--split=official has its own parts",
        ),
        (
            ("data_dir", "download"),
            row_files.is_table(records.dataset),
            f"--dataset={records.dataset} is not a TFDS name",
        ),
        (
            (
                *("image_size", "pixel_range", "frozen_fraction"),
                *("frozen_grid", "tower_lr"),
            ),
            "image" not in train.towers,
            f"--modalities={train.modalities} has no image",
        ),
        (
            ("text_units",),
            train.towers == ("image",),
            "--modalities=image has no text",
        ),
        (
            ("modality_dropout",),
            len(train.towers) == 1,
            f"--modalities={train.modalities} is one, which is never dropped",
        ),
    ]


def prepare_config(
    arguments: command_line.Arguments, backbones: Sequence[str] = ()
) -> MultimodalTrainConfig:
    """Makes the records that the flags ask for; returns the run's settings.

    Args:
        arguments: Parsed command line.
        backbones: Image towers that are to be trained on them; by default
            that of the settings.
    """
    from tfrecords import reader
    from tfrecords.stages import multimodal
    from trainers.multimodal import model

    config = arguments.settings(MultimodalTrainConfig)
    is_typed = "modalities" in arguments.typed
    if config.records:
        if is_typed:
            return config
        manifest = reader.open_records(config.records, kind="multimodal")
        return _with_all(config, manifest.schema.text_fields)
    for name in backbones or (config.backbone,):
        model.check_tower(dataclasses.replace(config, backbone=name))
    chosen = arguments.settings(MultimodalConfig)
    directory = multimodal.prepare_multimodal(
        arguments.settings(RecordsConfig), chosen
    )
    config = dataclasses.replace(config, records=str(directory))
    return config if is_typed else _with_all(config, chosen.fields)


def _with_all(
    config: MultimodalTrainConfig, fields: Sequence[str]
) -> MultimodalTrainConfig:
    """The settings with the image and all texts of the records."""
    return dataclasses.replace(config, modalities=",".join(("image", *fields)))
