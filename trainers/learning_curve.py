"""Accuracy against the number of train texts: when do images pay?

    python -m trainers.learning_curve --dataset=reviews.csv

Texts are encoded once. Every method is fitted to the same draws of the train
texts and judged on the same validation texts. Each result is a file in the
workdir; after an interruption, run the same command to resume.
"""

import dataclasses
import functools
import pathlib
import sys
from collections.abc import Sequence

from absl import logging

from text2image.corpora import row_sources
from tfrecords import command_line, ranges
from tfrecords.config import RecordsConfig
from tfrecords.devices import DeviceOptions
from tfrecords.settings import setting, validate
from tfrecords.stages import map_checks
from trainers import ignored_flags
from trainers.config import PRESETS, TrainConfig
from trainers.voting import members
from trainers.weights import sources

_common = functools.partial(setting, group="common")

NETWORKS = ("image_route", "random_filters", "no_slice", "from_scratch")
METHODS = (*NETWORKS, "lr_images", "lr_stacks", "tfidf")
_LEAST_SIZE = 2


@dataclasses.dataclass(frozen=True)
class CurveOptions:
    """Which points the curve has."""

    preset: str = _common(
        "demo",
        "Named settings, which any other flag overrides.",
        tuple(PRESETS),
    )
    workdir: str = _common(
        "runs/learning_curve", "Directory of results and report."
    )
    sizes: tuple[str, ...] = _common(
        ("10", "30", "100", "300", "1000", "3000", "10000", "40000"),
        "Numbers of train texts, those that the corpus has; all: every one.",
    )
    per_class: bool = _common(
        False, "--sizes are numbers of train texts of each class."
    )
    draws: int = _common(
        5,
        "Draws of each size; of a large one, only as many as would be "
        "disjoint.",
        ranges.TRAININGS,
    )
    methods: tuple[str, ...] = _common(
        METHODS,
        "What is fitted to the draws. image_route: as trainers.run. "
        "random_filters: the same with random weights in the slice. no_slice: "
        "the same head on the pixels. from_scratch: slice and head trained "
        "from random weights, the slowest by far. lr_images, lr_stacks, tfidf: "
        "logistic regression on these.",
    )
    min_steps: int = _common(
        150,
        "Steps of a network's training at least: small train sets are "
        "repeated.",
        ranges.LIMIT,
    )
    draw_seed: int = _common(0, "Seed of the draws.", ranges.SEED)

    def __post_init__(self) -> None:
        """Refuses values that no curve could use."""
        validate(self)
        for size in self.sizes or ("nothing",):
            is_number = size.isdecimal() and int(size) >= _LEAST_SIZE
            if not is_number and not (self.per_class and size == "1"):
                if size == "all":
                    continue
                raise ValueError(
                    "--sizes must be numbers of texts, 2 or more, or all. "
                    f"Received: {size!r}"
                )
        for name in self.methods or ("nothing",):
            if name not in METHODS:
                raise ValueError(
                    f"--methods must be among {list(METHODS)}. "
                    f"Received: {name!r}"
                )


PROGRAM = command_line.Program(
    "trainers.learning_curve",
    __doc__,
    settings=(CurveOptions, TrainConfig, RecordsConfig, DeviceOptions),
    presets=PRESETS,
    without=(
        *("image_records", "stacks", "from_run"),
        # Without effect on codes that are computed once, in memory.
        *("bottleneck", "reconstruction_weight", "autoencoder_lr", "slice_lr"),
        *("class_weight", "precision", "jit_compile", "eval_every", "cache_gb"),
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Encodes what is missing, computes what is missing, reports."""
    return command_line.main(PROGRAM, _run, argv, check=_check)


def _check(arguments: command_line.Arguments) -> None:
    """Refuses what can be refused before anything is computed."""
    methods = arguments.settings(CurveOptions).methods
    records = arguments.settings(RecordsConfig)
    config = arguments.settings(TrainConfig)
    if config.autoencoder != "linear" or not config.has_constant_maps:
        raise ValueError(
            "A learning curve needs codes that are computed once: "
            "--autoencoder=linear, --normalization=image or none, "
            "--slice_batch_norm=inference and --trainable_slice=false. "
            f"Received: --autoencoder={config.autoencoder}, "
            f"--normalization={config.normalization}, "
            f"--slice_batch_norm={config.slice_batch_norm} and "
            f"--trainable_slice={str(config.trainable_slice).lower()}."
        )
    arguments.refuse_ignored(
        [
            *ignored_flags.of_run(
                config, records, "1", members.choose("1", config, records)
            ),
            (
                ("l2",),
                "from_scratch" not in methods,
                "only --methods=from_scratch does not choose its penalty",
            ),
            (
                ("min_steps",),
                not {*NETWORKS} & {*methods},
                "--methods names no network",
            ),
        ]
    )
    map_checks.check_records(records)
    config.check_image_size(records.image_height, records.image_width)
    row_sources.check_parts(records.dataset, records.reading)
    sources.check_source(config.weights)


def _run(arguments: command_line.Arguments) -> None:
    from tfrecords import reader
    from tfrecords.stages.stacks import prepare_cls
    from trainers.experiments import curve
    from trainers.reports import curve_report
    from trainers.runs.holding import hold
    from trainers.weights import load

    options = arguments.settings(CurveOptions)
    records = arguments.settings(RecordsConfig)
    config = arguments.settings(TrainConfig)
    workdir = pathlib.Path(options.workdir)
    load.check_weights([(config.backbone, config.weights)])
    cls_dir = prepare_cls(records)
    plan = curve.Plan(
        tuple(0 if size == "all" else int(size) for size in options.sizes),
        options.draws,
        options.per_class,
        options.methods,
        options.min_steps,
        options.draw_seed,
    )
    corpus = reader.open_records(cls_dir, kind="cls").fingerprint
    directory = curve.results_directory(workdir, plan, records, config, corpus)
    with hold(workdir, directory.name):
        curve.compute(directory, plan, records, config, cls_dir)
        path = curve_report.write(
            workdir, curve.read_results(directory), directory.name
        )
    logging.info("curve: see %s", path)


if __name__ == "__main__":
    sys.exit(main())
