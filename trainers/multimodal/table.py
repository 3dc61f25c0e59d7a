r"""Every choice of modalities, on every backbone, with every seed.

    python -m trainers.multimodal.table --backbones=resnet50v2,mobilenetv2 \
        --dataset=products.jsonl --seeds=3 --workdir=OUT

Each training has its own directory under the workdir and is not repeated: the
same command resumes a killed table. Writes `report.md` with its figures.
"""

import dataclasses
import functools
import pathlib
import sys
from collections.abc import Sequence

from absl import logging

from tfrecords import command_line, ranges
from tfrecords.multimodal_config import MULTIMODAL_HELPS, MULTIMODAL_IGNORES
from tfrecords.settings import setting, validate
from trainers.multimodal import shared_flags
from trainers.multimodal.config import (
    PRESETS,
    TOWERS,
    MultimodalTrainConfig,
    preset_setting,
)

_common = functools.partial(setting, group="common")


@dataclasses.dataclass(frozen=True)
class TableOptions:
    """Which trainings, and where."""

    preset: str = preset_setting()
    backbones: tuple[str, ...] = _common(
        ("resnet50v2", "mobilenetv2"), "Image towers, comma-separated."
    )
    seeds: int = _common(1, "Trainings per row.", ranges.TRAININGS)
    workdir: str = _common("", "The table's own directory; must be given.")

    def __post_init__(self) -> None:
        """Refuses values that no table could use."""
        validate(self)
        unknown = set(self.backbones) - set(TOWERS)
        is_repeated = len(set(self.backbones)) < len(self.backbones)
        if unknown or is_repeated or not self.backbones:
            raise ValueError(
                f"--backbones must be some of {','.join(TOWERS)}, each once. "
                f"Received: {','.join(self.backbones)!r}"
            )


PROGRAM = command_line.Program(
    "trainers.multimodal.table",
    __doc__,
    settings=(TableOptions, *shared_flags.SETTINGS),
    presets=PRESETS,
    # The table makes every choice of these.
    without=(
        *MULTIMODAL_IGNORES,
        *("backbone", "modalities", "modality_dropout", "from_run"),
    ),
    helps=MULTIMODAL_HELPS,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Trains what is missing and writes the report."""
    return command_line.main(PROGRAM, _run, argv, check=_check)


def _check(arguments: command_line.Arguments) -> None:
    """Refuses what can be refused before anything is computed."""
    if not arguments.settings(TableOptions).workdir:
        raise ValueError("--workdir must name the table's own directory.")
    shared_flags.check(arguments)
    settings = arguments.settings(MultimodalTrainConfig)
    for name in arguments.settings(TableOptions).backbones:
        dataclasses.replace(settings, backbone=name)  # checks its image size


def _run(arguments: command_line.Arguments) -> None:
    from trainers.runs.holding import hold

    options = arguments.settings(TableOptions)
    config = shared_flags.prepare_records(
        arguments, shared_flags.train_settings(arguments), options.backbones
    )
    with hold(pathlib.Path(options.workdir)):
        make_table(config, options)


def make_table(config: MultimodalTrainConfig, options: TableOptions) -> None:
    """Trains every row of the table and writes the report.

    Args:
        config: Settings of all trainings, with finished records.
        options: Which trainings, and where.
    """
    from tfrecords import reader
    from trainers.multimodal import plan, report, split_inputs, train
    from trainers.runs.holding import hold

    workdir = pathlib.Path(options.workdir)
    manifest = reader.open_records(config.records, kind="multimodal")
    rows = plan.plan(
        config,
        options.backbones,
        options.seeds,
        plan.present_modalities(manifest),
    )
    trainings = [
        (row, settings, path)
        for row in rows
        for settings, path in zip(
            row.trainings, row.directories(workdir), strict=True
        )
    ]
    # Trainings on the same frozen layers follow each other, so that the memo
    # serves them; single modalities and all of them come before the rest.
    everything = rows[-1].modalities
    first = {*((name,) for name in everything), everything}
    trainings.sort(
        key=lambda each: (
            each[0].backbone,
            each[1].seed,
            each[0].modalities not in first,
        )
    )
    memo = split_inputs.Memo()
    for number, (row, settings, path) in enumerate(trainings, start=1):
        logging.info(
            "table: %d of %d, %s, seed %d",
            number,
            len(trainings),
            row.name,
            settings.seed,
        )
        with hold(path):
            train.train_and_evaluate(settings, path, memo)
    logging.info("table: see %s", report.write_report(workdir, rows, config))


if __name__ == "__main__":
    sys.exit(main())
