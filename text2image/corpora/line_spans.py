"""Cuts between the lines of a file."""

import functools
import itertools
from collections.abc import Callable, Iterator

from text2image.corpora.rows import Fault, Row
from text2image.corpora.spans import Count, Span, Spans
from text2image.corpora.text_files import SAMPLE_SIZE, TextFile

_CHUNK_SIZE = 1 << 20


def spans_of_lines(
    file: TextFile, read: Callable[[Span], Iterator[Row | Fault]]
) -> Spans | None:
    """The spans of a file with a row per line; `None` if it cannot be cut."""
    if not file.may_be_cut:
        return None
    sampled = sum(not line.isspace() for line in file.sample)
    return Spans(
        functools.partial(cut_lines, file, sampled),
        read,
        functools.partial(count_lines, file),
    )


def cut_lines(
    file: TextFile, sampled: int, rows: int, begin: int = 0
) -> list[Span]:
    """Cuts a file between lines into spans of nearly equal numbers of bytes.

    Args:
        file: A file that `may_be_cut`.
        sampled: Number of rows in its sample.
        rows: Number of rows that a span aims at.
        begin: Number of bytes at its beginning that are not cut.
    """
    size = file.path.stat().st_size
    per_row = min(size, SAMPLE_SIZE) / max(sampled, 1)
    num_spans = max(1, round(size / max(per_row * rows, 1)))
    starts = {0: None}
    with file.path.open("rb") as stream:
        for number in range(1, num_spans):
            # The line that holds the byte before belongs to the span before.
            stream.seek(max(size * number // num_spans, begin, 1) - 1)
            stream.readline()
            if stream.tell() < size:
                starts[stream.tell()] = None
    bounds = [*starts, size]
    return [Span(*bound) for bound in itertools.pairwise(bounds)]


def count_lines(file: TextFile, span: Span) -> Count:
    """Counts the lines of a span."""
    lines, last = 0, b""
    for chunk in _chunks(file, span):
        lines += chunk.count(b"\n")
        last = chunk
    return Count(lines + (bool(last) and not last.endswith(b"\n")))


def _chunks(file: TextFile, span: Span) -> Iterator[bytes]:
    with file.path.open("rb") as stream:
        stream.seek(span.start)
        left = span.stop - span.start
        while left and (chunk := stream.read(min(left, _CHUNK_SIZE))):
            left -= len(chunk)
            yield chunk
