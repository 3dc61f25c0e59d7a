"""How the fields of a delimited file are separated and quoted."""

import csv
import dataclasses
import re
from collections.abc import Iterable, Iterator
from typing import Protocol

from text2image import options

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
AUTO, DOUBLE, BACKSLASH, NONE = options.QUOTINGS
_IN_WORDS = {
    DOUBLE: "quotes doubled",
    BACKSLASH: "quotes escaped by backslashes",
    NONE: "quotes without meaning",
}
# Stands for an escaped quote while a line is split; no text has it, because
# Unicode assigns no character to it.
_HIDDEN_QUOTE = "\ufdd0"
_ESCAPE = re.compile(r'\\(["\\])')


class Reader(Protocol):
    """What reads rows of fields: a `csv.reader`, or one without quoting."""

    @property
    def line_num(self) -> int:
        """Lines read so far."""

    def __iter__(self) -> Iterator[list[str]]:
        """The reader itself."""

    def __next__(self) -> list[str]:
        """The next row; `[]` for a blank line."""


@dataclasses.dataclass(frozen=True)
class Dialect:
    """Separation and quoting of fields.

    Attributes:
        delimiter: Character between fields.
        quoting: `double`, `backslash` or `none`, as `--quoting`.
        skips_blanks: Whether blanks after a delimiter belong to no field.
    """

    delimiter: str
    quoting: str = DOUBLE
    skips_blanks: bool = False

    def reader(self, lines: Iterable[str]) -> Reader:
        """Reads rows; after a `csv.Error` the next one is at the next line."""
        if self.quoting == NONE:
            return _Unquoted(lines, self.delimiter)
        csv.field_size_limit(1 << 30)  # a field is a text, however long
        if self.quoting == BACKSLASH:
            return _Escaped(lines, self)
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            skipinitialspace=self.skips_blanks,
            strict=True,
        )

    def __str__(self) -> str:
        """The dialect in words, for the log."""
        names = {value: name for name, value in DELIMITERS.items()}
        words = [f"delimiter {names.get(self.delimiter, self.delimiter)}"]
        if self.quoting != DOUBLE:
            words.append(_IN_WORDS[self.quoting])
        if self.skips_blanks:
            words.append("blanks after delimiters skipped")
        return ", ".join(words)


class _Unquoted:
    """Rows of lines in which quotes are characters like others.

    The csv module's QUOTE_NONE refuses a carriage return inside a text.
    """

    def __init__(self, lines: Iterable[str], delimiter: str) -> None:
        self._lines = iter(lines)
        self._delimiter = delimiter
        self.line_num = 0

    def __iter__(self) -> "_Unquoted":
        return self

    def __next__(self) -> list[str]:
        line = next(self._lines).rstrip("\r\n")
        self.line_num += 1
        return line.split(self._delimiter) if line else []


class _Escaped:
    """Rows of which the quotes are escaped by backslashes.

    The csv module's `escapechar` drops backslashes that escape nothing, and
    takes text after a closing quote.
    """

    def __init__(self, lines: Iterable[str], dialect: "Dialect") -> None:
        self._reader = csv.reader(
            map(self._hidden, lines),
            delimiter=dialect.delimiter,
            skipinitialspace=dialect.skips_blanks,
            strict=True,
        )

    @property
    def line_num(self) -> int:
        return self._reader.line_num

    def __iter__(self) -> "_Escaped":
        return self

    def __next__(self) -> list[str]:
        return [
            field.replace(_HIDDEN_QUOTE, '"') for field in next(self._reader)
        ]

    @staticmethod
    def _hidden(line: str) -> str:
        if "\\" not in line:
            return line
        return _ESCAPE.sub(
            lambda match: _HIDDEN_QUOTE if match[1] == '"' else "\\", line
        )


def delimiter_of(asked: str) -> str:
    """The character that `--delimiter` names; `""` if it is empty.

    Raises:
        ValueError: If it is neither one character nor one of `DELIMITERS`.
    """
    delimiter = DELIMITERS.get(asked, "\t" if asked == r"\t" else asked)
    if len(delimiter) > 1 or (delimiter and delimiter in '"\r\n'):
        raise ValueError(
            "--delimiter must be one character, no quote or line end, or one "
            f"of {', '.join(DELIMITERS)}. Received: {asked!r}"
        )
    return delimiter
