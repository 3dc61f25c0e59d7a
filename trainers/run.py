"""The main job from the command line: texts to a trained, evaluated model.

    python -m trainers.run --backbone=resnet --dataset=imdb_reviews ...

Every stage logs what it reuses and what it makes; the same command again reuses
everything.
"""

import contextlib
import dataclasses
import functools
import pathlib
import sys
import time
from collections.abc import Sequence

from text2image.corpora import row_sources
from tfrecords import command_line, paths, stacks_flags
from tfrecords.config import RecordsConfig
from tfrecords.devices import DeviceOptions
from tfrecords.settings import setting
from tfrecords.stages import map_checks
from trainers.config import PRESETS, TrainConfig, default_workdir
from trainers.distribution.options import NONE, DistributionOptions
from trainers.weights import sources

_common = functools.partial(setting, group="common")


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """What the command does in addition to training."""

    preset: str = _common(
        "demo",
        "Named settings, which any other flag overrides. demo: everything "
        "shipped with the package, no network. imdb: the best recipe we know. "
        "paper: the published code to the letter.",
        tuple(PRESETS),
    )
    workdir: str = _common(
        "",
        "Directory of the run. By default runs/ and a name of dataset, "
        "backbone and a fingerprint of all settings.",
    )
    baselines: bool = setting(
        True,
        "Also fit logistic regression to the same stacks and images.",
        group="training",
    )
    export: bool = setting(
        True,
        "Also export a SavedModel for TF Serving to `export` in the workdir.",
        group="training",
    )
    examples: str = setting(
        "",
        "Ids of the texts whose images the report draws, separated by commas. "
        "By default the three reviews of the paper's Fig. 4, if the corpus has "
        "them, else the first three train texts.",
        group="training",
    )


PROGRAM = command_line.Program(
    "trainers.run",
    __doc__,
    settings=(
        RunOptions,
        TrainConfig,
        RecordsConfig,
        DeviceOptions,
        DistributionOptions,
    ),
    presets=PRESETS,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Prepares what is missing, trains, evaluates and reports."""
    return command_line.main(
        PROGRAM, _run, argv, check=_check, choose_device=_choose_device
    )


def _check(arguments: command_line.Arguments) -> None:
    """Refuses what can be refused before anything is computed."""
    train = arguments.settings(TrainConfig)
    records = arguments.settings(RecordsConfig)
    arguments.refuse_ignored(_ignored_flags(train, records))
    check_run(train, records)
    distribution = arguments.settings(DistributionOptions)
    distribution.check(arguments.settings(DeviceOptions))
    if distribution.distribution != NONE:
        _refuse_undivided(train, distribution.distribution)


def check_run(train: TrainConfig, records: RecordsConfig) -> None:
    """Refuses settings that no run could use, as far as files can tell.

    Raises:
        FileNotFoundError: If weights or a part of the corpus are missing.
        ValueError: If encoder, map, images and slice do not fit each other.
    """
    row_sources.check_parts(records.dataset, records.reading)
    sources.check_source(train.weights)
    if not train.image_records:
        map_checks.check_records(records)
        train.check_image_size(records.image_height, records.image_width)


def _refuse_undivided(train: TrainConfig, distribution: str) -> None:
    """Refuses settings that cannot be computed in parts of a batch."""
    for name, value, cure in (
        ("normalization", "batch", "--normalization=image"),
        ("slice_batch_norm", "training", "--slice_batch_norm=inference"),
        ("jit_compile", True, "--jit_compile=false"),
    ):
        if getattr(train, name) == value:
            raise ValueError(
                f"--distribution={distribution} does not work with "
                f"--{name}={str(value).lower()}, which needs a whole batch on "
                f"one device. Use {cure}, or --distribution=none."
            )


def _choose_device(arguments: command_line.Arguments) -> None:
    from trainers.distribution import workers

    workers.start(
        arguments.settings(DistributionOptions),
        arguments.settings(DeviceOptions),
    )


def _ignored_flags(
    train: TrainConfig, records: RecordsConfig
) -> list[command_line.Rule]:
    """Flags that have no effect because of another setting."""
    all_records = [field.name for field in dataclasses.fields(RecordsConfig)]
    tsne = ("metric", "perplexity", *(n for n in all_records if "tsne" in n))
    is_path = row_sources.is_path(records.dataset)
    return [
        (
            all_records,
            bool(train.image_records),
            "--image_records names finished records",
        ),
        *stacks_flags.ignored(records),
        (
            ("layers",),
            records.pooling == "first_last",
            "--pooling=first_last has layers of its own",
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
            train.autoencoder == "linear",
            "--autoencoder=linear is solved for, not trained",
        ),
        (
            ("reconstruction_weight", "bottleneck", "dropout", "l2"),
            train.autoencoder == "paper",
            "--autoencoder=paper has its own values",
        ),
        (
            ("data_dir", "download"),
            is_path or records.dataset == "demo",
            f"--dataset={records.dataset} is not a TFDS name",
        ),
    ]


def _draws_the_map(records: RecordsConfig) -> bool:
    """Whether the start of t-SNE, its approximation or the layout is random."""
    by_tsne = records.projection == "tsne" and (
        records.tsne_init == "random" or records.tsne_method == "barnes_hut"
    )
    return by_tsne or records.layout == "shuffled"


def _run(arguments: command_line.Arguments) -> None:
    from trainers.distribution import workers

    with workers.current().stopping_together():
        train_and_report(
            arguments.settings(RunOptions),
            arguments.settings(TrainConfig),
            arguments.settings(RecordsConfig),
        )


def train_and_report(
    options: RunOptions,
    config: TrainConfig,
    records: RecordsConfig,
    *,
    runs_dir: str = "runs",
) -> pathlib.Path:
    """Makes what is missing: records, run, baselines, report and export.

    Args:
        options: What is done in addition to training.
        config: Settings of the training.
        records: Settings of the records.
        runs_dir: Directory of the run, if `options` name none.

    Returns:
        The run's directory.

    Raises:
        As `check_run`, `prepare_records` and `train_and_evaluate`.
    """
    from trainers.training import loop

    with loop.deterministic(), contextlib.ExitStack() as stack:
        return _train_and_report(options, config, records, runs_dir, stack)


def _train_and_report(
    options: RunOptions,
    config: TrainConfig,
    records: RecordsConfig,
    runs_dir: str,
    stack: contextlib.ExitStack,
) -> pathlib.Path:
    from tfrecords import build, schema
    from trainers import export
    from trainers.distribution.workers import current
    from trainers.experiments import baselines
    from trainers.reports import (
        example_images,
        model_card,
        run_report,
        summary,
    )
    from trainers.runs.holding import hold
    from trainers.runs.workdir import METRICS_FILE, check_settings
    from trainers.training import train
    from trainers.weights import load

    workers = current()
    start = time.monotonic()
    cls_dir = None
    image_dir = paths.open_path(config.image_records)
    if options.workdir:
        check_settings(config, pathlib.Path(options.workdir))
    if not config.image_records:
        if workers.is_chief:
            load.check_weights([(config.backbone, config.weights)])
            cls_dir, image_dir = build.prepare_records(records)
        image_dir = paths.open_path(workers.text_from_chief(str(image_dir)))
        config = config.on_records(image_dir)
        workers.await_file(image_dir / schema.MANIFEST)
    workdir = pathlib.Path(options.workdir or default_workdir(config, runs_dir))
    examples = example_images.parse_ids(options.examples)
    if workers.is_chief:
        stack.enter_context(hold(workdir))
        if examples:  # an unknown one is an error now, not after the training
            example_images.read(image_dir, None, examples)
    metrics = train.train_and_evaluate(config, workdir, workers=workers)
    if not workers.is_chief:
        workers.await_chief(workdir / METRICS_FILE)
        return workdir
    assert metrics is not None
    results = {}
    if options.baselines:
        results["images"] = baselines.logistic_regression(image_dir, "image")
        if cls_dir is not None:
            results["stacks"] = baselines.logistic_regression(cls_dir, "stack")
    run_report.write_report(workdir, config, metrics, results, examples)
    model_card.write(workdir, config, metrics)
    if options.export:
        # Records given by name know their own encoder.
        is_encoded = cls_dir is not None and not records.stacks
        encoder = records.encoder if is_encoded else None
        export.export_finished(workdir, encoder=encoder)
    seconds = time.monotonic() - start
    summary.log_result(workdir, config, metrics, results, seconds)
    is_demo = records.dataset == "demo" and not records.stacks
    if is_demo and cls_dir is not None:
        summary.log_end_of_demo(config, records)
    return workdir


if __name__ == "__main__":
    sys.exit(main())
