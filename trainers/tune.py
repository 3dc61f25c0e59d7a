"""Tunes an encoder on the train side of a corpus and prints its directory.

    python -m trainers.tune --tune_encoder=1 --dataset=imdb_reviews ...

The same flags of `trainers.run` reuse it, and `--encoder` takes it anywhere.
"""

import dataclasses
import sys
from collections.abc import Sequence

from tfrecords import command_line, presets
from tfrecords.config import RecordsConfig
from tfrecords.devices import DeviceOptions
from tfrecords.settings import setting
from tfrecords.stages import map_checks
from trainers import ignored_flags
from trainers.tuning.config import TuneConfig


@dataclasses.dataclass(frozen=True)
class TuneOptions:
    """Options of the command besides the settings of records and tuning."""

    preset: str = setting(
        "demo",
        "Named settings of the records, which any other flag overrides.",
        tuple(presets.RECORDS),
        group="common",
    )


PROGRAM = command_line.Program(
    "trainers.tune",
    __doc__,
    settings=(TuneOptions, TuneConfig, RecordsConfig, DeviceOptions),
    presets=presets.RECORDS,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Tunes as the flags say."""
    return command_line.main(PROGRAM, _run, argv, check=_check)


def _check(arguments: command_line.Arguments) -> None:
    tuning = arguments.settings(TuneConfig)
    records = arguments.settings(RecordsConfig)
    if not tuning.tune_encoder:
        raise ValueError("--tune_encoder must be at least 1. Received: 0")
    arguments.refuse_ignored(ignored_flags.of_tuning(tuning, "", records))
    map_checks.check_encoder(records, records.layers, records.pooling)


def _run(arguments: command_line.Arguments) -> None:
    from trainers.training import loop
    from trainers.tuning.tune import tuned_encoder

    with loop.deterministic():
        encoder = tuned_encoder(
            arguments.settings(TuneConfig), arguments.settings(RecordsConfig)
        )
    sys.stdout.write(f"{encoder}\n")


if __name__ == "__main__":
    sys.exit(main())
