"""All runs below a folder: what each reached, and how their settings differ.

    text-as-image runs [FOLDER ...] --sort=accuracy
    text-as-image runs runs/ONE runs/OTHER --compare

Runs of all kinds, finished or not; nothing is written.
"""

import dataclasses
import json
import pathlib
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from tfrecords import command_line
from trainers.serving import formats
from trainers.serving.options import common

_COLUMNS = (
    *("name", "kind", "dataset", "backbone", "accuracy", "macro_f1", "loss"),
    *("texts", "date", "state"),
)
_LARGEST_FIRST = ("accuracy", "macro_f1", "texts", "date")
Row = Sequence[Any]


def _table(header: Row, rows: list[Row]) -> Iterator[str]:
    lines = [[formats.printable(_text(cell)) for cell in row] for row in rows]
    lines.insert(0, [formats.printable(cell) for cell in header])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = map(str.ljust, line, widths)
        yield "  ".join(cells).rstrip() + "\n"


def _text(cell: Any) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:.4g}"
    return str(cell)


def _csv(header: Row, rows: list[Row]) -> Iterator[str]:
    yield formats.row(header)
    for row in rows:
        yield formats.row("" if cell is None else cell for cell in row)


def _json(header: Row, rows: list[Row]) -> Iterator[str]:
    objects = [dict(zip(header, row, strict=True)) for row in rows]
    yield json.dumps(objects, indent=2, ensure_ascii=False) + "\n"


_FORMATS = {"table": _table, "csv": _csv, "json": _json}


@dataclasses.dataclass(frozen=True)
class ListOptions:
    """What is listed, and how."""

    sort: str = common(
        "name",
        "Column by which the runs are sorted: the best, largest or newest "
        "first, names and the like by the alphabet.",
        _COLUMNS,
    )
    format: str = common("table", "Format of the list.", tuple(_FORMATS))
    compare: bool = common(
        False,
        "Show the settings in which the runs differ, those of their records "
        "included: a line per setting, a column per run.",
    )


PROGRAM = command_line.Program(
    "trainers.list_runs",
    __doc__,
    settings=(ListOptions,),
    positional=("FOLDER", "Folders with runs, or runs. By default runs."),
    resumes=False,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Lists or compares the runs below the folders."""
    return command_line.main(PROGRAM, _run, argv)


def _run(arguments: command_line.Arguments) -> int:
    from trainers.runs import listing

    options = arguments.settings(ListOptions)
    folders = [pathlib.Path(name) for name in arguments.rest or ("runs",)]
    runs = []
    for folder in folders:
        if not folder.is_dir():
            raise FileNotFoundError(
                "FOLDER must be an existing folder, such as runs. Received: "
                f"{folder}"
            )
        runs += [
            dataclasses.replace(run, name=(folder / run.name).as_posix())
            for run in listing.find_runs(folder)
        ]
    if not runs:
        raise FileNotFoundError(
            f"There are no runs below {', '.join(map(str, folders))}. Train "
            "one with python -m trainers.run, or name another FOLDER."
        )
    runs.sort(key=lambda run: _order(getattr(run, options.sort), options.sort))
    header: Row = _COLUMNS
    rows: list[Row] = [[getattr(run, name) for name in header] for run in runs]
    if options.compare:
        header = ("setting", *(run.name for run in runs))
        rows = [["accuracy", *(run.accuracy for run in runs)]]
        for name, values in listing.different_settings(runs).items():
            rows.append([name, *values])
    return formats.print_lines(_FORMATS[options.format](header, rows))


def _order(value: Any, column: str) -> tuple[bool, Any]:
    """Key of a sort: what is not known comes last."""
    if value is None:
        return True, 0
    if column not in _LARGEST_FIRST:
        return False, value
    if isinstance(value, str):  # a date
        return False, [-ord(character) for character in value]
    return False, -value


if __name__ == "__main__":
    sys.exit(main())
