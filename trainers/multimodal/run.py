"""Images with texts to a trained, evaluated model.

    python -m trainers.multimodal.run --backbone=resnet50v2 --dataset=DIR ...

Every stage says what it reuses and what it makes; the same command again
reuses everything.
"""

import dataclasses
import pathlib
import sys
import time
from collections.abc import Sequence

from absl import logging

from text2image.bert import headers
from tfrecords import command_line
from tfrecords.config import RecordsConfig
from tfrecords.multimodal_config import (
    MULTIMODAL_HELPS,
    MULTIMODAL_IGNORES,
    MultimodalConfig,
)
from tfrecords.settings import fingerprint, setting
from trainers import group_options
from trainers.config import start_sha256
from trainers.multimodal import shared_flags
from trainers.multimodal.config import (
    PRESETS,
    MultimodalTrainConfig,
    preset_setting,
)


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """What the command does besides training."""

    preset: str = preset_setting()
    workdir: str = setting(
        "",
        "The run's own directory. By default runs/ and a name made of "
        "dataset, backbone, modalities and a fingerprint of all settings.",
        group="common",
    )
    export: bool = setting(
        True,
        "Also export a SavedModel for TF Serving to `export` in the workdir.",
        group="training",
    )
    group_key: str = group_options.group_key_setting()


PROGRAM = command_line.Program(
    "trainers.multimodal.run",
    __doc__,
    settings=(RunOptions, *shared_flags.SETTINGS),
    presets=PRESETS,
    without=MULTIMODAL_IGNORES,
    helps=MULTIMODAL_HELPS,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Prepares what is missing, trains and evaluates."""
    return command_line.main(PROGRAM, _run, argv, check=_check)


def _check(arguments: command_line.Arguments) -> None:
    shared_flags.check(arguments)
    records = arguments.settings(RecordsConfig)
    named = arguments.settings(MultimodalTrainConfig).records
    arguments.refuse_ignored(
        group_options.ignored(records, named and "--records")
    )
    group_options.check(
        arguments.settings(RunOptions).group_key,
        records,
        shared_flags.reading(arguments),
        of_images=True,
    )


def _run(arguments: command_line.Arguments) -> None:
    from trainers.multimodal import export, text_encoders, train, transfer
    from trainers.reports import groups_section
    from trainers.runs.holding import hold
    from trainers.runs.workdir import METRICS_FILE, check_settings

    start = time.monotonic()
    options = arguments.settings(RunOptions)
    config = shared_flags.train_settings(arguments)
    if options.workdir:
        check_settings(config, pathlib.Path(options.workdir))
    records = arguments.settings(RecordsConfig)
    if (
        options.export
        and config.has_texts  # the export contains the encoder
        and headers.is_saved_model(records.encoder)
    ):
        text_encoders.check_embeddable(records.encoder)
    if config.from_run and not config.records:
        chosen = arguments.settings(MultimodalConfig)
        transfer.check(config, transfer.asked(records, chosen))
    column = group_options.open_column(
        options.group_key, records, shared_flags.reading(arguments)
    )
    # Records given by name know their own encoder.
    encoder = None if config.records else records.encoder
    config = shared_flags.prepare_records(arguments, config)
    workdir = pathlib.Path(options.workdir or default_workdir(config))
    with hold(workdir):
        metrics = train.train_and_evaluate(config, workdir)
        groups_section.of_run(
            workdir, metrics["label_names"], column, "sample"
        ).write_page(workdir)
        if options.export:
            export.export_finished(workdir, encoder=encoder)
    logging.info(
        "%s (%s): top-1 %.4f, top-5 %.4f on %d %s samples",
        config.backbone,
        config.modalities,
        metrics["accuracy"],
        metrics["top5"],
        metrics["num_held_out"],
        metrics["split"],
    )
    for name, figures in metrics["removed"].items():
        logging.info("without the %s: top-1 %.4f", name, figures["accuracy"])
    elapsed_s = time.monotonic() - start
    logging.info("%.0f s; see %s", elapsed_s, workdir / METRICS_FILE)


def default_workdir(config: MultimodalTrainConfig) -> str:
    """`runs/` and a name made of records, backbone and all settings."""
    values = config.naming_settings
    # The records' name holds their fingerprint; the other moves no result.
    for name in ("records", "cache_gb"):
        del values[name]
    if config.from_run:  # what the run is, not where
        values["from_run"] = start_sha256(config.from_run)
    # The end, with the fingerprint, and no more than a file system takes.
    dataset = pathlib.Path(config.records).parent.name[-200:]
    modalities = "_".join(config.towers)
    name = fingerprint(values)[:8]
    return f"runs/{dataset}-{config.backbone}-{modalities}-{name}"


if __name__ == "__main__":
    sys.exit(main())
