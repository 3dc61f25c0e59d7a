"""The names of a delimited file's columns, from its header or a flag."""

import dataclasses
import re
from collections.abc import Sequence

from text2image.corpora import columns
from text2image.corpora.rows import Reading

_NUMBER = re.compile(r"\s*[-+]?\d+([.,]\d+)?\s*$")
_LONGEST_NAME = 100  # characters; a longer cell is a text


@dataclasses.dataclass(frozen=True)
class Header:
    """What a file's columns are named.

    Attributes:
        names: Name per column; `""` for a column that is left out.
        is_line: Whether the first row is the header.
        guesses: What is said about it, a line each.
    """

    names: tuple[str, ...]
    is_line: bool
    guesses: tuple[str, ...] = ()


def header_of(name: str, rows: Sequence[list[str]], reading: Reading) -> Header:
    """Decides the names of the columns.

    Args:
        name: Name of the file, for messages.
        rows: The file's first rows.
        reading: The flags.

    Raises:
        ValueError: If there is no header, or a column that is read has
            another's name.
    """
    cells = rows[0]
    if reading.columns:
        return _given(name, cells, reading.columns.split(","))
    is_known = [columns.is_known(cell, reading) for cell in cells]
    if not any(is_known) and _is_row(cells, rows[1:]):
        raise ValueError(
            f"{name}, line 1: expected a header. Received: "
            f"{columns.shown(cells)}. If that is a row, name the columns in "
            f"their order with --columns={_example(cells)}; if it is a "
            "header, choose from it with --text_key and --label_key."
        )
    names, guesses = list(cells), []
    for cell in dict.fromkeys(cell.strip() for cell in cells):
        alike = [i for i, other in enumerate(cells) if other.strip() == cell]
        if not cell:
            holding = sum(
                any(i < len(row) and row[i].strip() for i in alike)
                for row in rows[1:]
            )
            if holding:
                guesses.append(
                    f"{len(alike)} columns without a name left out, which "
                    f"hold values in {holding} of the first {len(rows) - 1} "
                    "rows"
                )
        elif len(alike) == 1:
            continue
        elif any(is_known[i] for i in alike):
            raise ValueError(
                f"{name}, line 1: expected different names. Received: "
                f"{len(alike)} columns named {cell!r}, among "
                f"{columns.shown(cells)}. Rename them in the file, or name "
                "all columns in their order with --columns=NAME,NAME,..."
            )
        else:
            guesses.append(f"{len(alike)} columns named {cell!r} left out")
        for index in alike:
            names[index] = ""
    return Header(tuple(names), True, tuple(guesses))


def _given(name: str, cells: Sequence[str], names: Sequence[str]) -> Header:
    """Names from `--columns`; a first line of known names is no row."""
    if len(set(names)) != len(names):
        raise ValueError(
            f"--columns must be different names. Received: {','.join(names)}"
        )
    if len(names) != len(cells):
        raise ValueError(
            f"{name}: --columns names {len(names)} columns "
            f"({columns.shown(names)}), but line 1 has {len(cells)} fields: "
            f"{columns.shown(cells)}. Name every column, or correct "
            "--delimiter."
        )
    known = {columns.folded(n) for n in (*names, *columns.NAMES)}
    is_line = all(columns.folded(cell) in known for cell in cells)
    return Header(
        tuple(names),
        is_line,
        ("line 1 is a header, replaced by --columns",) if is_line else (),
    )


def _is_row(cells: Sequence[str], rows: Sequence[list[str]]) -> bool:
    """Whether the first line cannot be a header."""
    return any(
        len(cell) > _LONGEST_NAME
        or _NUMBER.match(cell)
        or (cell.strip() and any(row[i : i + 1] == [cell] for row in rows))
        for i, cell in enumerate(cells)
    )


def _example(cells: Sequence[str]) -> str:
    """Names for cells, the longest of which is the text."""
    longest = max(range(len(cells)), key=lambda i: len(cells[i]))
    rest = iter(["label", *(f"column{i}" for i in range(2, len(cells)))])
    return ",".join(
        "text" if i == longest else next(rest) for i in range(len(cells))
    )
