"""Checks runs, exports and records and names every fault: file, cause.

    text-as-image verify DIR [DIR ...]

Exit code 0: all are whole. 1: some are not.
"""

import dataclasses
import pathlib
import sys
from collections.abc import Sequence

from tfrecords import command_line, verify
from tfrecords.paths import Path

PROGRAM = dataclasses.replace(
    verify.PROGRAM,
    name="trainers.verify",
    doc=__doc__,
    positional=(
        "DIR",
        "Directory of a run, of an export or one of its versions, of a tuned "
        "encoder, or of a set of records: .../KIND/CONFIG/VERSION.",
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Verifies directories."""
    return command_line.main(PROGRAM, _run, argv, check=verify.check)


def _run(arguments: command_line.Arguments) -> int:
    return verify.print_faults(arguments.rest, find_faults)


def find_faults(directory: Path) -> list[str]:
    """Lists the faults of a directory; an empty list means none."""
    from text2image.bert import headers
    from tfrecords import faults, schema
    from trainers.runs import audit, workdir
    from trainers.serving import export_audit
    from trainers.tuning.faults import find_faults as faults_of_tuned

    if not isinstance(directory, pathlib.Path):  # runs are on disks
        return faults.find_faults(directory)
    if not directory.exists():
        return ["does not exist"]
    if (directory / headers.TUNING).is_file():
        return faults_of_tuned(directory)
    if (directory / workdir.CONFIG_FILE).is_file():
        return [
            *audit.find_faults(directory),
            *export_audit.find_faults(directory / workdir.EXPORT_DIRECTORY),
        ]
    if export_audit.is_export(directory):
        return export_audit.find_faults(directory)
    if (directory / schema.MANIFEST).is_file():
        return faults.find_faults(directory)
    return [
        "not the directory of a run (config.json), of an export "
        "(saved_model.pb, or numbered versions), of a tuned encoder "
        "(tuning.json) or of a set of records (manifest.json)"
    ]


if __name__ == "__main__":
    sys.exit(main())
