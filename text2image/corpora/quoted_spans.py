"""Cuts of a delimited file, in which a row may have several lines.

Whether a line begins within a quoted field depends on all lines before it, but
only by one bit: the reader is either between rows or in a quoted field. So the
lines of a span are read twice, from either state; which one it was is known
once the spans before are counted.

Source: the speculation on quotes of Ge et al. 2019, "Speculative Distributed
CSV Data Parsing for Big Data Analytics", doi:10.1145/3299869.3319898; here both
cases are computed, which makes it exact.
"""

import csv
import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

from text2image.corpora import dialects, line_spans
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
        ends = list(_ends_of_rows(dialect, sample))
        begin = _size_of_lines(file, ends[0] if has_header and ends else 0)
        return line_spans.cut_lines(file, len(ends), rows, begin)

    return Spans(cut, read, functools.partial(_count, file, dialect))


def _count(file: TextFile, dialect: dialects.Dialect, span: Span) -> Count:
    count = line_spans.count_lines(file, span)
    if dialect.quoting == dialects.NONE:
        return count

    def is_open_after(is_open: bool) -> bool:
        # Any number but 1: only line 1 may have a byte-order mark.
        first = 1 if span.start == 0 else 2
        with file.lines(span.start, first) as lines:
            of_span = itertools.islice(lines, count.size)
            return _is_open_after(dialect, of_span, is_open)

    return dataclasses.replace(
        count, opens=(is_open_after(False), is_open_after(True))
    )


def _is_open_after(
    dialect: dialects.Dialect, lines: Iterable[str], is_open: bool
) -> bool:
    """Whether a quoted field is open after lines, if one is before or not."""
    is_at_end = False

    def to_the_end() -> Iterator[str]:
        nonlocal is_at_end
        if is_open:
            yield OPENING
        yield from lines
        is_at_end = True

    reader = dialect.reader(to_the_end())
    while True:
        try:
            next(reader)
        except StopIteration:
            return False
        except csv.Error:
            if is_at_end:
                return True


def _ends_of_rows(
    dialect: dialects.Dialect, lines: Iterable[str]
) -> Iterator[int]:
    """Yields the line at which each row ends, from 1; blank lines are none."""
    reader = dialect.reader(lines)
    while True:
        try:
            if next(reader):
                yield reader.line_num
        except StopIteration:
            return
        except csv.Error:
            yield reader.line_num


def _size_of_lines(file: TextFile, count: int) -> int:
    with file.path.open("rb") as stream:
        return sum(len(stream.readline()) for _ in range(count))
