"""The paper's table on one set of records: backbones, seeds, ablations.

    python -m trainers.table --preset=imdb --seeds=3

Every training has a directory of its own below --workdir and is not repeated;
after an interruption, run the same command to resume.
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
from trainers.backbones import BACKBONES, get_backbone
from trainers.config import PRESETS, TrainConfig
from trainers.experiments import plan
from trainers.peers.options import PEERS
from trainers.weights import sources

_common = functools.partial(setting, group="common")


@dataclasses.dataclass(frozen=True)
class TableOptions:
    """Which trainings the table has."""

    preset: str = _common(
        "imdb",
        "Named settings of the base, which any other flag overrides.",
        tuple(PRESETS),
    )
    workdir: str = _common("runs/table", "Directory of trainings and report.")
    backbones: tuple[str, ...] = _common(tuple(BACKBONES), "Rows of Table I.")
    seeds: int = _common(
        3, "Trainings per backbone; the first has --seed.", ranges.TRAININGS
    )
    ablated: str = _common(
        "resnet", "Backbone of the ablations; empty for none."
    )
    ablations: tuple[str, ...] = _common(
        plan.DEFAULT_ABLATIONS,
        "Questions that the ablations ask, also: "
        + ", ".join(sorted({*plan.ABLATIONS} - {*plan.DEFAULT_ABLATIONS}))
        + ".",
    )
    ablation_seeds: int = _common(
        1, "Trainings per ablation.", ranges.TRAININGS
    )
    peers: tuple[str, ...] = _common(
        (),
        "What the method competes with, trained on the same texts: kim_cnn, a "
        "convolutional network over words; tuned_bert, the encoder tuned end "
        "to end.",
    )
    weights_for: str | Sequence[str] = _common(
        "",
        "NAME=SOURCE: --weights of one backbone. May be given several times.",
        is_repeated=True,
    )
    dry_run: bool = _common(False, "Print the plan and stop.")

    def __post_init__(self) -> None:
        """Refuses values that no table could use."""
        validate(self)
        for name in self._names:
            get_backbone(name)
        if not self._names:
            raise ValueError(
                "--backbones or --ablated must name a backbone. Received: "
                "neither."
            )
        for flag, legal in (("ablations", plan.ABLATIONS), ("peers", PEERS)):
            for name in getattr(self, flag):
                if name not in legal:
                    raise ValueError(
                        f"--{flag} must be among {list(legal)}. "
                        f"Received: {name!r}"
                    )

    @property
    def _names(self) -> tuple[str, ...]:
        """Backbones of all rows."""
        return (*self.backbones, *filter(None, [self.ablated]))

    @property
    def weights(self) -> dict[str, str]:
        """Backbone to its weights, of those that have their own."""
        return sources.by_backbone(self.weights_for, self._names)


PROGRAM = command_line.Program(
    "trainers.table",
    __doc__,
    settings=(TableOptions, TrainConfig, RecordsConfig, DeviceOptions),
    presets=PRESETS,
    without=("backbone", "image_records", "stacks", "from_run"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Plans, trains what is missing, reports."""
    return command_line.main(PROGRAM, _run, argv, check=_check)


def _check(arguments: command_line.Arguments) -> None:
    """Refuses what can be refused before anything is computed."""
    records = arguments.settings(RecordsConfig)
    map_checks.check_records(records)
    for row in _plan(arguments, layers=()):
        _warn_of_failure(row)
    row_sources.check_parts(records.dataset, records.reading)
    weights = arguments.settings(TableOptions).weights
    for source in (arguments.settings(TrainConfig).weights, *weights.values()):
        sources.check_source(source)


def _warn_of_failure(row: plan.Row) -> None:
    """Says of a row at once that it will fail; the others are trained."""
    base = row.trainings[0]
    size = base.records.image_height, base.records.image_width
    try:
        map_checks.check_records(base.records)
        base.train.check_image_size(*size)
    except ValueError as error:
        logging.warning(
            "table: the row %s, %s cannot be trained. %s",
            row.group,
            row.name,
            error,
        )


def _plan(
    arguments: command_line.Arguments, layers: Sequence[int]
) -> list[plan.Row]:
    options = arguments.settings(TableOptions)
    return plan.plan(
        arguments.settings(RecordsConfig),
        arguments.settings(TrainConfig),
        backbones=options.backbones,
        seeds=options.seeds,
        ablated=options.ablated,
        ablations=options.ablations,
        ablation_seeds=options.ablation_seeds,
        weights=options.weights,
        layers=layers,
    )


def _run(arguments: command_line.Arguments) -> None:
    from tfrecords import build, reader
    from trainers.experiments import runner
    from trainers.peers import results
    from trainers.reports import table_report
    from trainers.runs.holding import hold
    from trainers.weights import load

    options = arguments.settings(TableOptions)
    records = arguments.settings(RecordsConfig)
    workdir = pathlib.Path(options.workdir)
    if options.dry_run:
        for line in runner.describe(_plan(arguments, layers=()), workdir):
            sys.stdout.write(line + "\n")
        return
    load.check_weights(runner.weights_to_load(_plan(arguments, ()), workdir))
    cls_dir, image_dir = build.prepare_records(records)
    layers = reader.open_records(cls_dir).details["layers"]
    rows = _plan(arguments, layers)
    with hold(workdir):
        base = runner.Base(records, cls_dir, image_dir)
        failures = runner.train_all(rows, base, workdir)
        on_maps, map_failures = runner.regressions_on_maps(
            rows, failures, image_dir, workdir
        )
        seed = arguments.settings(TrainConfig).seed
        peers, peer_failures = results.train_all(
            options.peers, cls_dir, workdir, seed
        )
        failures |= map_failures | peer_failures
        path = table_report.write_table(
            workdir,
            rows,
            failures,
            on_maps=on_maps,
            peers=peers,
            cls_dir=cls_dir,
            image_dir=image_dir,
        )
    logging.info("table: see %s", path)
    if failures:
        raise RuntimeError(
            "Trainings, regressions on maps and peers that failed: "
            f"{len(failures)}. The report says which. Run the same command to "
            "try them again."
        )


if __name__ == "__main__":
    sys.exit(main())
