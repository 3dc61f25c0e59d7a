"""What may be wrong with the data of a run: labels, modes, similar classes.

    python -m trainers.multimodal.audit --workdir=RUN

Writes `audit/report.md` to the run's directory: labels that may be wrong, by
confident learning; modes inside classes, by clusters of the joint vector; and
which classes have similar titles. The same command again makes it anew, from
the same index.
"""

import dataclasses
import pathlib
import sys
from collections.abc import Sequence

from absl import logging

from tfrecords import command_line, ranges
from tfrecords.devices import DeviceOptions
from tfrecords.settings import setting, validate


@dataclasses.dataclass(frozen=True)
class AuditOptions:
    """Which run is audited, and the seed."""

    workdir: str = setting("", "Directory of a finished run.", group="common")
    seed: int = setting(
        0,
        "Seed of clusters, permutations and of the labels that are flipped to "
        "see whether they are found.",
        ranges.SEED,
        group="common",
    )

    def __post_init__(self) -> None:
        """Refuses values that no audit could use."""
        validate(self)


PROGRAM = command_line.Program(
    "trainers.multimodal.audit",
    __doc__,
    settings=(AuditOptions, DeviceOptions),
    resumes=False,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Audits the data of the run that the flags name."""
    return command_line.main(PROGRAM, _run, argv, check=_check)


def _check(arguments: command_line.Arguments) -> None:
    if not arguments.settings(AuditOptions).workdir:
        raise command_line.UsageError("Expected --workdir=RUN. Received: none.")


def _run(arguments: command_line.Arguments) -> None:
    from trainers.multimodal import audit_report

    options = arguments.settings(AuditOptions)
    path = audit_report.write(pathlib.Path(options.workdir), options.seed)
    logging.info("see %s", path)


if __name__ == "__main__":
    sys.exit(main())
