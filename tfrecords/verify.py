"""Checks record directories and names every fault: shard, record, cause.

    python -m tfrecords.verify DIR [DIR ...]

Exit code 0: all sets are whole. 1: some are not.
"""

import sys
from collections.abc import Callable, Sequence

from tfrecords import command_line, paths

PROGRAM = command_line.Program(
    "tfrecords.verify",
    __doc__,
    settings=(),
    positional=("DIR", "Directory of a set: .../KIND/CONFIG/VERSION."),
    resumes=False,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Verifies directories."""
    return command_line.main(PROGRAM, _run, argv, check=check)


def check(arguments: command_line.Arguments) -> None:
    """Refuses a command line without directories."""
    if not arguments.rest:
        raise command_line.UsageError(
            "DIR must be at least one directory of records, such as "
            "records/image/*/1.0.0. Received: none."
        )


def _run(arguments: command_line.Arguments) -> int:
    from tfrecords.faults import find_faults

    return print_faults(arguments.rest, find_faults)


def print_faults(
    directories: Sequence[str],
    find_faults: Callable[[paths.Path], list[str]],
) -> int:
    """Prints the faults of directories, or `ok`; returns the exit code."""
    exit_code = 0
    for directory in directories:
        faults = find_faults(paths.open_path(directory))
        for fault in faults or ["ok"]:
            sys.stdout.write(f"{directory}: {fault}\n")
        if faults:
            exit_code = 1
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
