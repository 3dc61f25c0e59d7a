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
            not train.has_image,
            f"--modalities={train.modalities} has no image",
        ),
        (
            ("text_units",),
            not train.has_texts,
            "--modalities=image has no text",
        ),
        (
            ("modality_dropout",),
            len(train.towers) == 1,
            f"--modalities={train.modalities} is one, which is never dropped",
        ),
    ]


def train_settings(
    arguments: command_line.Arguments,
) -> MultimodalTrainConfig:
    """The run's settings; by default it sees the image and all texts.

    Raises:
        FileNotFoundError: If the records that the flags name do not exist.
        ValueError: If they are damaged or of another kind.
    """
    from tfrecords import reader

    config = arguments.settings(MultimodalTrainConfig)
    if "modalities" in arguments.typed:
        return config
    fields = arguments.settings(MultimodalConfig).fields
    if config.records:
        manifest = reader.open_records(config.records, kind="multimodal")
        fields = manifest.schema.text_fields
    return dataclasses.replace(config, modalities=",".join(("image", *fields)))


def prepare_records(
    arguments: command_line.Arguments,
    config: MultimodalTrainConfig,
    backbones: Sequence[str] = (),
) -> MultimodalTrainConfig:
    """Makes the records that the flags ask for, unless they name some.

    Args:
        arguments: Parsed command line.
        config: Result of `train_settings`.
        backbones: Image towers that are to be trained on them; by default
            that of the settings.

    Returns:
        The settings with the records.
    """
    from tfrecords.stages import multimodal
    from trainers.multimodal import model

    if config.records:
        return config
    for name in backbones or (config.backbone,):
        model.check_tower(dataclasses.replace(config, backbone=name))
    directory = multimodal.prepare_multimodal(
        arguments.settings(RecordsConfig), arguments.settings(MultimodalConfig)
    )
    return dataclasses.replace(config, records=str(directory))
