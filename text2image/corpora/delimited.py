"""Delimited files (CSV, TSV and the like) as rows.

Values are literal: "NA" and "null" stay text.
"""

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any

from text2image.corpora import (
    columns,
    dialect_guess,
    dialects,
    encodings,
    headers,
    quoted_spans,
)
from text2image.corpora.rows import (
    NOT_A_ROW,
    TOO_FEW_FIELDS,
    TOO_MANY_FIELDS,
    Fault,
    Reading,
    Row,
)
from text2image.corpora.spans import WHOLE, Span
from text2image.corpora.table import Table
from text2image.corpora.text_files import TextFile

# What Excel writes and reads as the first line.
_EXCEL = re.compile(r'"?sep=(.)"?\s*$', re.IGNORECASE)
_MOST_CONTENT = 1000  # characters of a faulty row that are kept


def open_delimited(
    file: TextFile, own: str, reading: Reading, prefix: str = ""
) -> Table:
    """Opens a delimited file.

    Args:
        file: The examined file.
        own: Delimiter that its suffix stands for; `""` if none.
        reading: The flags.
        prefix: Beginning of the rows' keys.

    Raises:
        ValueError: If it has no header, two columns of one name, or rows of
            more than one delimiter.
    """
    sample = list(file.sample)
    asked = dialects.delimiter_of(reading.delimiter)
    excel = _EXCEL.match(sample[0]) if sample else None
    if excel:
        asked = asked or excel[1]
        sample[0] = file.end  # keeps the numbers of lines

    def is_header(cells: Sequence[str]) -> bool:
        return any(columns.is_known(cell, reading) for cell in cells)

    dialect = dialect_guess.guess(
        file.name,
        sample,
        own,
        is_cut=file.is_cut,
        delimiter=asked,
        quoting=reading.quoting,
        is_header=is_header,
    )
    first = _first_rows(file.name, dialect.reader(sample))
    if not first:
        raise ValueError(
            f"{file.name}, line 1: expected a header. Received: an empty file."
        )
    header = headers.header_of(file.name, first, reading)
    usual = dialects.Dialect(own or ",")
    details: dict[str, Any] = {}
    if dialect != usual:
        details = {"delimiter": dialect.delimiter, "quoting": dialect.quoting}
        if dialect.skips_blanks:
            details["skips_blanks"] = True
    if reading.columns:
        details["columns"] = reading.columns

    def read(span: Span = WHOLE) -> Iterator[Row | Fault]:
        with file.lines(span.start, span.first) as lines:
            numbered: Iterator[str] = iter(lines)
            if excel and span.first == 1:
                next(numbered)
                numbered = itertools.chain([file.end], numbered)
            rows = _rows(file.name, lines, numbered, dialect, header, span)
            for line, row in rows:
                if isinstance(row, Fault):
                    yield row
                else:
                    yield Row(
                        f"{file.name}, line {line}", f"{prefix}{line}", row
                    )

    next(read(), None)  # refuses a header that cannot be decoded
    words = [str(dialect)] if dialect != usual else []
    words += ["lines end in a carriage return"] * (file.end == "\r")
    return Table(
        columns=tuple(name for name in header.names if name),
        read=read,
        guesses=(*words, *header.guesses),
        format=details,
        has_header=header.is_line and not reading.columns,
        spans=quoted_spans.spans_of_rows(
            file, dialect, sample, header.is_line, read
        ),
    )


def _first_rows(name: str, reader: dialects.Reader) -> list[list[str]]:
    """The header and the rows up to the first faulty one."""
    rows = []
    try:
        for row in reader:
            if row:
                rows.append(row)
    except csv.Error as error:
        if not rows:
            raise ValueError(
                f"{name}, line 1: not valid CSV ({error}). {_QUOTES}"
            ) from error
    return rows


_QUOTES = (
    "Quote fields that contain quotes or newlines, and double the quotes: "
    '"". If quotes have no meaning in this file, add --quoting=none.'
)


def _rows(
    name: str,
    lines: encodings.Lines,
    numbered: Iterator[str],
    dialect: dialects.Dialect,
    header: headers.Header,
    span: Span,
) -> Iterator[tuple[int, dict[str, str] | Fault]]:
    """Yields each row that starts in a span, with its line, from 1."""
    names = header.names
    width = len(names)
    left_out = "" in names
    before = span.first - 1
    if span.is_open:
        numbered = itertools.chain([quoted_spans.OPENING], numbered)
        before -= 1
    reader = dialect.reader(numbered)
    is_first = header.is_line and span.first == 1
    while True:
        start = before + reader.line_num + 1
        if span.lines is not None and start >= span.first + span.lines:
            return
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if start < span.first:
                lines.undecodable.clear()
                continue
            yield from _faulty(name, start, before + reader.line_num, error)
            lines.undecodable.clear()
            continue
        if start < span.first:
            lines.undecodable.clear()
            continue  # the row belongs to the span before
        if lines.undecodable:
            fault = lines.fault(_content(dialect, fields))
            if is_first:
                raise ValueError(fault.message)
            yield start, fault
            continue
        if not fields:
            continue  # a blank line
        if is_first:
            is_first = False
            continue
        if len(fields) != width:
            place = f"{name}, line {start}"
            few = len(fields) < width
            yield (
                start,
                Fault(
                    place,
                    TOO_FEW_FIELDS if few else TOO_MANY_FIELDS,
                    f"{place}: expected {width} fields. Received: "
                    f"{len(fields)}. Quote fields that contain the delimiter"
                    f" {dialect.delimiter!r}.",
                    _content(dialect, fields),
                ),
            )
            continue
        row = dict(zip(names, fields, strict=True))
        if left_out:
            del row[""]
        yield start, row


def _faulty(
    name: str, start: int, last: int, error: csv.Error
) -> Iterator[tuple[int, Fault]]:
    """A fault per line: an open quote may hide as many rows."""
    place = f"{name}, line {start}"
    through = f" (up to line {last})" if last > start else ""
    message = f"{place}: not valid CSV ({error}){through}. {_QUOTES}"
    yield start, Fault(place, NOT_A_ROW, message, "")
    for line in range(start + 1, last + 1):
        place = f"{name}, line {line}"
        message = f"{place}: within the faulty quotes of line {start}."
        yield line, Fault(place, NOT_A_ROW, message, "")


def _content(dialect: dialects.Dialect, fields: list[str]) -> str:
    return dialect.delimiter.join(fields)[:_MOST_CONTENT]
