"""Spans of a file: pieces that are read apart and give the whole in order."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence

from text2image.corpora.rows import Fault, Row

UNKNOWN = -1


@dataclasses.dataclass(frozen=True)
class Span:
    """A piece of a file.

    Attributes:
        start: Where it starts, in the unit of its format: bytes of lines, row
            groups of Parquet, record batches of Arrow, examples of TFDS, files
            of a folder.
        stop: Where it stops; what begins before belongs to it.
        first: Number of its first line or row; `UNKNOWN` before
            `number_spans`.
        lines: Number of its lines, of a file that is cut between lines.
        is_open: Whether it starts within a quoted field, and so within a row
            of the span before.
    """

    start: int
    stop: int
    first: int = UNKNOWN
    lines: int = 0
    is_open: bool = False


@dataclasses.dataclass(frozen=True)
class Count:
    """What numbers the span after a span.

    Attributes:
        size: Number of its lines or rows.
        opens: Whether a quoted field is open at its end: if none is open at
            its start, and if one is.
    """

    size: int = 0
    opens: tuple[bool, bool] = (False, False)


@dataclasses.dataclass(frozen=True)
class Spans:
    """How a file is cut.

    Attributes:
        cut: Cuts it into spans of about this many rows; reads little of it.
        read: Reads the rows of a span that has its number.
        count: Counts a span; `None` where `cut` gives the numbers.
    """

    cut: Callable[[int], list[Span]]
    read: Callable[[Span], Iterator[Row | Fault]]
    count: Callable[[Span], Count] | None = None


def whole(read: Callable[[], Iterator[Row | Fault]]) -> Spans:
    """A file that is one span."""
    return Spans(lambda rows: [Span(0, 1, 1)], lambda span: read())


def number_spans(spans: Sequence[Span], counts: Sequence[Count]) -> list[Span]:
    """Numbers the spans of one file.

    Args:
        spans: All of them, in order.
        counts: The count of each.
    """
    numbered = []
    first, is_open = 1, False
    for span, count in zip(spans, counts, strict=True):
        numbered.append(
            dataclasses.replace(
                span, first=first, lines=count.size, is_open=is_open
            )
        )
        first += count.size
        is_open = count.opens[is_open]
    return numbered
