"""The main job from the command line: texts to a trained, evaluated model.

    python -m trainers.run --backbone=resnet --dataset=imdb_reviews ...

Every stage logs what it reuses or makes; the same command reuses everything.
"""

import contextlib
import dataclasses
import functools
import pathlib
import sys
import time
from collections.abc import Sequence

from text2image.corpora import row_sources
from tfrecords import command_line, paths
from tfrecords.config import RecordsConfig
from tfrecords.devices import DeviceOptions
from tfrecords.settings import setting
from tfrecords.stages import map_checks
from trainers import group_options, ignored_flags
from trainers.config import PRESETS, TrainConfig, default_workdir
from trainers.distribution.options import (
    MULTI_WORKER,
    NONE,
    DistributionOptions,
    refuse_undivided,
)
from trainers.selection import flags
from trainers.tuning.config import TuneConfig
from trainers.voting import members
from trainers.weights import sources

_common = functools.partial(setting, group="common")
_training = functools.partial(setting, group="training")


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """What the command does in addition to training."""

    preset: str = _common(
        "demo",
        "Named settings, which any other flag overrides. demo: everything "
        "shipped with the package, no network. imdb: the best recipe we know. "
        "paper: the published code to the letter. best: see --minutes.",
        tuple(PRESETS),
    )
    workdir: str = _common(
        "",
        "Directory of the run. By default runs/ and a name of dataset, "
        "backbone and a fingerprint of all settings.",
    )
    maps: str = setting(
        "1",
        "Maps of the same stacks, each with a model of its own, which then "
        "vote by mean probability: how many, by --projection, or projections, "
        "as in tsne,tsne:50,pca (t-SNE's perplexity after the colon). See "
        "docs/guide/maps.md.",
        group="map",
    )
    baselines: bool = _training(
        True,
        "Also fit logistic regression to the same stacks and images.",
    )
    export: bool = _training(
        True,
        "Also export a SavedModel for TF Serving to `export` in the workdir.",
    )
    examples: str = _training(
        "",
        "Ids of the texts whose images the report draws, separated by commas. "
        "By default the three reviews of the paper's Fig. 4, if the corpus has "
        "them, else the first three train texts.",
    )
    group_key: str = group_options.group_key_setting()


PROGRAM = command_line.Program(
    "trainers.run",
    __doc__,
    settings=(
        RunOptions,
        TrainConfig,
        TuneConfig,
        RecordsConfig,
        DeviceOptions,
        DistributionOptions,
        flags.SelectionOptions,
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
    tune = arguments.settings(TuneConfig)
    options = arguments.settings(RunOptions)
    maps, preset = options.maps, options.preset
    runs = members.choose(maps, train, records)
    arguments.refuse_ignored(
        [
            *ignored_flags.of_run(train, records, maps, runs),
            *ignored_flags.of_tuning(tune, train.image_records, records),
            *flags.ignored(preset),
        ]
    )
    for run in runs:
        check_run(run.train, run.records)
    if train.from_run and (len(runs) > 1 or tune.tune_encoder):
        raise ValueError(
            "--from_run has one map and one encoder, its own. Received: "
            f"--maps={maps} and --tune_encoder={tune.tune_encoder}. Omit them."
        )
    group_options.check(options.group_key, records)
    distribution = arguments.settings(DistributionOptions)
    if len(runs) > 1 and distribution.distribution == MULTI_WORKER:
        raise ValueError(
            "--distribution=multi_worker trains one run. Received: "
            f"--maps={maps}. Train the maps one by one, or on the GPUs of one "
            "machine (--distribution=mirrored)."
        )
    distribution.check(arguments.settings(DeviceOptions))
    flags.check(preset, train, records, distribution.distribution)
    if distribution.distribution != NONE:
        if tune.tune_encoder:
            raise ValueError(
                "--tune_encoder tunes on one device. Received: --distribution="
                f"{distribution.distribution}. Tune with --distribution=none "
                "first (python -m trainers.tune), then name what it made "
                "with --encoder."
            )
        refuse_undivided(train, distribution.distribution)


def check_run(train: TrainConfig, records: RecordsConfig) -> None:
    """Refuses settings that no run could use, as far as files can tell.

    Raises:
        FileNotFoundError: If weights or a part of the corpus are missing.
        ValueError: If encoder, map, images and slice do not fit each other.
    """
    row_sources.check_parts(records.dataset, records.reading)
    sources.check_source(train.weights)
    if train.from_run:  # its map has a size of its own
        return
    if not train.image_records:
        map_checks.check_records(records)
        train.check_image_size(records.image_height, records.image_width)


def _choose_device(arguments: command_line.Arguments) -> None:
    from trainers.distribution import workers

    workers.start(
        arguments.settings(DistributionOptions),
        arguments.settings(DeviceOptions),
    )


def _run(arguments: command_line.Arguments) -> None:
    from trainers.distribution import workers
    from trainers.selection import command
    from trainers.training import loop
    from trainers.voting import vote

    options = arguments.settings(RunOptions)
    train = arguments.settings(TrainConfig)
    records = arguments.settings(RecordsConfig)
    tune = arguments.settings(TuneConfig)
    with workers.current().stopping_together():
        if options.preset == flags.BEST:
            command.run(arguments, options.workdir, is_exported=options.export)
            return
        if tune.tune_encoder:
            from trainers.tuning.tune import tuned_encoder

            with loop.deterministic():
                encoder = str(tuned_encoder(tune, records))
            records = dataclasses.replace(records, encoder=encoder)
        runs = members.choose(options.maps, train, records)
        if len(runs) == 1:
            train_and_report(options, train, records)
        else:
            vote.train_and_vote(options, runs, train_and_report)


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
        groups_section,
        model_card,
        run_report,
        summary,
    )
    from trainers.runs.holding import hold
    from trainers.runs.workdir import METRICS_FILE, check_settings
    from trainers.training import train, transfer
    from trainers.weights import load

    workers = current()
    start = time.monotonic()
    map_of = None
    if config.from_run:
        transfer.check(config, None if config.image_records else records)
        map_of = pathlib.Path(config.from_run)
    cls_dir = None
    image_dir = paths.open_path(config.image_records)
    if options.workdir:
        check_settings(config, pathlib.Path(options.workdir))
    if not config.image_records:
        if workers.is_chief:
            load.check_weights([(config.backbone, config.weights)])
            cls_dir, image_dir = build.prepare_records(records, map_of=map_of)
        image_dir = paths.open_path(workers.text_from_chief(str(image_dir)))
        config = config.on_records(image_dir)
        workers.await_file(image_dir / schema.MANIFEST)
    workdir = pathlib.Path(options.workdir or default_workdir(config, runs_dir))
    examples = example_images.parse_ids(options.examples)
    if workers.is_chief:
        stack.enter_context(hold(workdir))
        if examples:  # an unknown one is an error now, not after the training
            example_images.read(image_dir, None, examples)
        column = group_options.open_column(options.group_key, records)
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
    groups = groups_section.of_run(workdir, metrics["label_names"], column)
    run_report.write_report(workdir, config, metrics, results, examples, groups)
    model_card.write(workdir, config, metrics)
    if options.export:
        # Records given by name know their own encoder.
        is_encoded = cls_dir is not None and not records.stacks
        encoder = records.encoder if is_encoded else None
        export.export_finished(workdir, encoder=encoder)
    seconds = time.monotonic() - start
    summary.log_result(workdir, config, metrics, results, seconds)
    is_demo = records.dataset == "demo" and not records.stacks
    if is_demo and cls_dir is not None and options.maps == "1":
        summary.log_end_of_demo(config, records)
    return workdir


if __name__ == "__main__":
    sys.exit(main())
