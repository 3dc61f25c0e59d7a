"""Cuts of a delimited file, in which a row may have several lines.

Whether a line begins within a quoted field depends on all lines before it, but
only by one bit: the reader is either between rows or in a quoted field. So the
lines of a span are read from both states, until both readers agree; which one
it was is known once the spans before are counted.

Source: the speculation on quotes of Ge et al. 2019, "Speculative Distributed
CSV Data Parsing for Big Data Analytics", doi:10.1145/3299869.3319898; here both
cases are computed, which makes it exact.
"""

import csv
import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

from text2image.corpora import dialects, encodings, line_spans
from text2image.corpora.rows import Fault, Row
from text2image.corpora.spans import Count, Span, Spans
from text2image.corpora.text_files import TextFile

# A line after which a quoted field is open.
OPENING = '"\n'


def spans_of_rows(
    file: TextFile,
    dialect: dialects.Dialect,
    sample: Sequence[str],
    has_header: bool,
    read: Callable[[Span], Iterator[Row | Fault]],
) -> Spans | None:
    """The spans of a delimited file; `None` if it cannot be cut.

    Args:
        file: The file.
        dialect: Its dialect.
        sample: Its first lines.
        has_header: Whether its first row is a header, which is not cut off.
        read: Reads a span.
    """
    if not file.may_be_cut:
        return None

    def cut(rows: int) -> list[Span]:
        ends = [end for end, is_blank in _rows(dialect, sample) if not is_blank]
        begin = _size_of_lines(file, ends[0] if has_header and ends else 0)
        return line_spans.cut_lines(file, len(ends), rows, begin)

    return Spans(cut, read, functools.partial(_count, file, dialect))


def _count(file: TextFile, dialect: dialects.Dialect, span: Span) -> Count:
    count = line_spans.count_lines(file, span)
    if dialect.quoting == dialects.NONE:
        return count
    lines = _quoted_lines(file, span, count.size)
    ends = {end for end, _ in _rows(dialect, lines)}
    is_open = bool(lines) and len(lines) not in ends
    is_open_too = True  # if a quoted field is open before the lines
    for end, _ in _rows(dialect, [OPENING, *lines]):
        if end - 1 in ends:  # from here on, both readers do the same
            is_open_too = is_open
            break
        is_open_too = end - 1 < len(lines)
    return dataclasses.replace(count, opens=(is_open, is_open_too))


def _quoted_lines(file: TextFile, span: Span, size: int) -> list[str]:
    """Lines of a span with quotes; others change no state of the reader."""
    # Any number but 1: only line 1 may have a byte-order mark.
    first = 1 if span.start == 0 else 2
    with file.path.open("rb") as stream:
        stream.seek(span.start)
        raw: Iterable[bytes] = itertools.islice(stream, size)
        if file.encoding == encodings.UTF8:
            raw = (
                line
                for number, line in enumerate(raw, start=first)
                if number == 1 or b'"' in line
            )
        lines = encodings.Lines(file.name, raw, file.encoding, first=first)
        return [line for line in lines if '"' in line]


def _rows(
    dialect: dialects.Dialect, lines: Iterable[str]
) -> Iterator[tuple[int, bool]]:
    """Yields the line at which each row ends, and whether it is blank.

    A row that is within quotes at the end does not end.
    """
    is_at_end = False

    def to_the_end() -> Iterator[str]:
        nonlocal is_at_end
        yield from lines
        is_at_end = True

    reader = dialect.reader(to_the_end())
    while True:
        try:
            is_blank = not next(reader)
        except StopIteration:
            return
        except csv.Error:
            if is_at_end:
                return
            is_blank = False
        yield reader.line_num, is_blank


def _size_of_lines(file: TextFile, count: int) -> int:
    with file.path.open("rb") as stream:
        return sum(len(stream.readline()) for _ in range(count))
