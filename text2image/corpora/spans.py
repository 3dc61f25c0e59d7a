"""Spans of a file: pieces that are read apart and give the whole in order."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

from text2image.corpora.rows import Fault, Row

UNKNOWN = -1


@dataclasses.dataclass(frozen=True)
class Span:
    """A piece of a file.

    Attributes:
        start: Where it starts, in the unit of its format: bytes of lines, row
            groups of Parquet, record batches of Arrow, examples of TFDS, files
            of a folder.
        stop: Where it stops; what begins before it belongs to the span.
        first: Number of its first line or row; `UNKNOWN` before
            `number_spans`.
        lines: Number of its lines or rows; `None` for all to the end.
        is_open: Whether it starts within a quoted field, and so within a row
            of the span before.
    """

    start: int
    stop: int
    first: int = UNKNOWN
    lines: int | None = None
    is_open: bool = False

    @property
    def numbers(self) -> Iterable[int]:
        """Numbers of its lines."""
        if self.lines is None:
            return itertools.count(self.first)
        return range(self.first, self.first + self.lines)

    def units(self, count: int) -> range:
        """Numbers of its units, of a file that has `count`."""
        return range(count) if self == WHOLE else range(self.start, self.stop)


WHOLE = Span(0, 1, 1)


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

    def read_whole(self) -> Iterator[Row | Fault]:
        """Reads all rows."""
        return self.read(WHOLE)


def spans_of_size(first: int, stop: int, rows: int) -> list[Span]:
    """Cuts numbered examples, from `first` up to `stop`."""
    return [
        Span(start, end, start, end - start)
        for start in range(first, stop, rows)
        for end in (min(start + rows, stop),)
    ] or [Span(first, first, first, 0)]


def whole(read: Callable[[], Iterator[Row | Fault]]) -> Spans:
    """A file that is one span."""
    return Spans(lambda rows: [WHOLE], lambda span: read())


def number_spans(spans: Sequence[Span], counts: Sequence[Count]) -> list[Span]:
    """Numbers the spans of one file.

    Args:
        spans: All of them, in order.
        counts: The count of each.
    """
    if all(span.first != UNKNOWN for span in spans):
        return list(spans)
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
