"""The main job from the command line: texts to a trained, evaluated model.

    python -m trainers.run --backbone=resnet --dataset=imdb_reviews ...

Every stage says what it reuses and what it makes; the same command again
reuses everything.
"""

import dataclasses
import pathlib
import time

from absl import flags as absl_flags
from absl import logging

from tfrecords import command_line
from tfrecords import config as records_config
from tfrecords.settings import fingerprint
from trainers import command
from trainers import config as train_config

_PRESET = absl_flags.DEFINE_enum(
    "preset",
    "demo",
    list(train_config.PRESETS),
    "Named settings, which any other flag overrides. demo: shipped with the "
    "package, no network. imdb: the best recipe we know. paper: the published "
    "code's.",
)
_WORKDIR = absl_flags.DEFINE_string(
    "workdir",
    None,
    "The run's own directory. Default: runs/ and a name made of dataset, "
    "backbone and a fingerprint of all settings.",
)
_BASELINES = absl_flags.DEFINE_boolean(
    "baselines",
    True,
    "Also fit logistic regression on the same stacks and pictures.",
)
_EXPORT = absl_flags.DEFINE_boolean(
    "export",
    True,
    "Also export a SavedModel for TF Serving to `export` in the workdir.",
)


def main(arguments: list[str]) -> None:
    """Prepares what is missing, trains, evaluates and reports."""
    try:
        config, records = command.settings(arguments, _PRESET.value)
        _refuse_ignored_flags(config, records)
        _run(config, records)
    except command_line.MENDABLE as error:
        command_line.fail(error)


def _refuse_ignored_flags(
    config: train_config.TrainConfig, records: records_config.RecordsConfig
) -> None:
    """Refuses typed flags that another setting leaves without effect."""
    all_records = tuple(
        field.name for field in dataclasses.fields(records_config.RecordsConfig)
    )
    tsne = ("metric", "perplexity", *(n for n in all_records if "tsne" in n))
    symmetric = ("reconstruction_weight", "bottleneck", "dropout", "l2")
    from_tfds = not records.dataset.endswith((".csv", ".tsv", ".jsonl"))
    for names, is_ignored, because in (
        (
            all_records,
            bool(config.image_records),
            "--image_records names finished records",
        ),
        (
            tsne,
            records.projection == "pca",
            "--projection=pca has no use for it",
        ),
        (
            ("map_seed",),
            not _draws_the_map(records),
            "nothing about this map is drawn at random",
        ),
        (
            ("reconstruction_weight", "bottleneck", "autoencoder_lr"),
            config.autoencoder == "linear",
            "--autoencoder=linear is solved for, not trained",
        ),
        (
            symmetric,
            config.autoencoder == "paper",
            "--autoencoder=paper has its own",
        ),
        (
            ("data_dir", "download"),
            not from_tfds or records.dataset == "demo",
            f"--dataset={records.dataset} is not a TFDS name",
        ),
    ):
        if is_ignored:
            command_line.refuse_typed(names, because)


def _draws_the_map(records: records_config.RecordsConfig) -> bool:
    """Whether t-SNE's start, its approximation or the layout are random."""
    by_tsne = records.projection == "tsne" and (
        records.tsne_init == "random" or records.tsne_method == "barnes_hut"
    )
    return by_tsne or records.layout == "shuffled"


def _run(
    config: train_config.TrainConfig, records: records_config.RecordsConfig
) -> None:
    start = time.monotonic()
    from tfrecords import build
    from trainers.weights import readers

    readers.check_source(config.weights)
    cls_dir = None
    if not config.image_records:
        cls_dir, image_dir = build.prepare_records(records)
        config = dataclasses.replace(config, image_records=str(image_dir))
    # Only now: they load for seconds, and a wrong call is refused at once.
    from trainers import export
    from trainers.experiments import baselines
    from trainers.reports import run_report
    from trainers.training import train

    image_dir = pathlib.Path(config.image_records)
    workdir = pathlib.Path(_WORKDIR.value or _default_workdir(config))
    metrics = train.train_and_evaluate(config, workdir)
    compared = {}
    if _BASELINES.value:
        compared["images"] = baselines.logistic_regression(image_dir, "image")
        if cls_dir is not None:
            compared["stacks"] = baselines.logistic_regression(cls_dir, "stack")
    run_report.write_report(workdir, config, metrics, compared)
    if _EXPORT.value:
        # Records given by name know their own encoder.
        encoder = None if cls_dir is None else records.encoder
        export.export_finished(workdir, encoder=encoder)
    beside = "".join(
        f", logistic regression on the {name} {figures['accuracy']:.4f}"
        for name, figures in compared.items()
    )
    logging.info(
        "%s: accuracy %.4f on %d validation texts%s; %.0f s; see %s",
        config.backbone,
        metrics["accuracy"],
        metrics["num_validation"],
        beside,
        time.monotonic() - start,
        workdir / "report.md",
    )
    if records.dataset == "demo" and cls_dir is not None:
        logging.info(
            "That was the demo: short reviews written for this project, "
            "encoder %s, %s weights.",
            records.encoder,
            config.weights,
        )
        logging.info(
            "The real thing: python -m trainers.run --preset=imdb --download "
            "--backbone=%s",
            config.backbone,
        )


def _default_workdir(config: train_config.TrainConfig) -> str:
    settings = dataclasses.asdict(config)
    # The records' name holds their fingerprint; the others move no result.
    for name in ("image_records", "cache_gb"):
        del settings[name]
    dataset = pathlib.Path(config.image_records).parent.name
    name = fingerprint(settings)[:8]
    return f"runs/{dataset}-{config.backbone}-{name}"


if __name__ == "__main__":
    command.start(main)
