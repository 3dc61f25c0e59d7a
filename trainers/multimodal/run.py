"""Pictures with texts to a trained, evaluated model.

    python -m trainers.multimodal.run --backbone=resnet50v2 --dataset=DIR ...

Every stage says what it reuses and what it makes; the same command again
reuses everything.
"""

import dataclasses
import pathlib
import shlex
import time

from absl import app, logging
from absl import flags as absl_flags

from tfrecords import command_line
from tfrecords import config as records_config
from tfrecords.settings import fingerprint
from trainers.multimodal import config as train_config


def main(arguments: list[str]) -> None:
    """Prepares what is missing, trains and evaluates."""
    if len(arguments) > 1:
        raise app.UsageError(
            f"Expected flags only. Received: {shlex.join(arguments[1:])}"
        )
    try:
        config = settings()
        start = time.monotonic()
        workdir = pathlib.Path(
            absl_flags.FLAGS.workdir or default_workdir(config)
        )
        _run(config, workdir)
        logging.info(
            "%.0f s; see %s", time.monotonic() - start, workdir / "metrics.json"
        )
    except command_line.MENDABLE as error:
        command_line.fail(error)


def settings() -> train_config.MultimodalTrainConfig:
    """Reads the flags, and makes the records they ask for.

    Raises:
        FileNotFoundError: If the weights or the data are not there.
        ValueError: If a flag has no effect, or a value is refused.
    """
    config = command_line.settings_from_flags(
        train_config.MultimodalTrainConfig, {}
    )
    records = command_line.settings_from_flags(records_config.RecordsConfig, {})
    chosen = command_line.settings_from_flags(
        records_config.MultimodalConfig, {}
    )
    if config.records:
        names = [
            field.name
            for part in (records, chosen)
            for field in dataclasses.fields(part)
            if field.name not in records_config.MULTIMODAL_IGNORES
        ]
        command_line.refuse_typed(names, "--records names finished records")
    elif not absl_flags.FLAGS["dataset"].present:
        raise ValueError(
            "--dataset must name a .csv, .tsv or .jsonl file with a column of "
            "pictures, or a directory of WebVision or TFDS. Received: none. "
            "There is no demo of pictures."
        )
    if records.split == "official":
        command_line.refuse_typed(
            ("held_out",), "--split=official has its own parts"
        )
    from trainers.weights import readers

    # Before the records are made: that may take hours.
    readers.check_source(config.weights, ("imagenet", "random"))
    if config.records:
        return config
    from tfrecords.stages import multimodal

    directory = multimodal.prepare_multimodal(records, chosen)
    return dataclasses.replace(config, records=str(directory))


def _run(
    config: train_config.MultimodalTrainConfig, workdir: pathlib.Path
) -> None:
    from trainers.multimodal import export, train

    metrics = train.train_and_evaluate(config, workdir)
    if absl_flags.FLAGS.export:
        # Records given by name know their own encoder.
        made_here = absl_flags.FLAGS["dataset"].present
        export.export_finished(
            workdir, encoder=absl_flags.FLAGS.encoder if made_here else None
        )
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


def default_workdir(config: train_config.MultimodalTrainConfig) -> str:
    """`runs/` and a name made of records, backbone and all settings."""
    values = dataclasses.asdict(config)
    # The records' name holds their fingerprint; the other moves no result.
    for name in ("records", "cache_gb"):
        del values[name]
    dataset = pathlib.Path(config.records).parent.name
    seen = "_".join(config.towers)
    name = fingerprint(values)[:8]
    return f"runs/{dataset}-{config.backbone}-{seen}-{name}"


def define_flags(without: tuple[str, ...] = ()) -> None:
    """All settings as flags, but those that would have no effect.

    Args:
        without: Settings of training that the caller makes itself.
    """
    command_line.define_flags(
        train_config.MultimodalTrainConfig, without=without
    )
    command_line.define_flags(
        records_config.RecordsConfig,
        without=records_config.MULTIMODAL_IGNORES,
        helps=records_config.MULTIMODAL_HELPS,
    )
    command_line.define_flags(records_config.MultimodalConfig)


if __name__ == "__main__":
    command_line.prepare_process()
    absl_flags.DEFINE_string(
        "workdir",
        None,
        "The run's own directory. Default: runs/ and a name made of dataset, "
        "backbone, modalities and a fingerprint of all settings.",
    )
    absl_flags.DEFINE_boolean(
        "export",
        True,
        "Also export a SavedModel for TF Serving to `export` in the workdir.",
    )
    define_flags()
    app.run(main)
