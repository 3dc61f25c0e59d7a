"""Ranges of a corpus: read in parallel, and together exactly its rows.

    pieces = ranges.cut(dataset, data_dir, reading, rows_per_range)
    counts = [ranges.count(dataset, data_dir, reading, p) for p in pieces]
    pieces = ranges.number(pieces, counts)
    for piece in pieces:
        for item in ranges.read(dataset, data_dir, reading, piece):
            ...  # an Example or a Fault

One after the other, the ranges of a part give what the part's stream gives:
the same ids, places, faults and texts. `cut` reads the beginning of each file
and a line at each cut; `count` is a pass over one range, for the numbers of
lines in ids and places; both depend on the files alone.

| source | is cut |
| --- | --- |
| JSON lines, fastText, delimited files | between lines (a row of quoted lines belongs to the range in which it begins) |
| Parquet | between row groups |
| Arrow files | between record batches |
| TFDS | between examples |
| a folder of texts per class | between files |
| compressed files, other JSON, UTF-16, Arrow streams, lines that end in CR, the demo | not: a range per file |
"""

import dataclasses
from collections.abc import Iterator, Sequence

from text2image.corpora.examples import Example
from text2image.corpora.rows import Fault, Reading
from text2image.corpora.spans import Count, Span


@dataclasses.dataclass(frozen=True)
class Range:
    """A piece of a part of a corpus; `dataclasses.asdict` of it is JSON.

    Attributes:
        part: Name of the part.
        file: The file, relative to the folder; the split of a TFDS dataset;
            `""` where the dataset is one file.
        span: The piece of the file.
    """

    part: str
    file: str
    span: Span

    @classmethod
    def from_json(cls, value: dict) -> "Range":
        """Makes a range of what `dataclasses.asdict` gave."""
        return cls(value["part"], value["file"], Span(**value["span"]))


def cut(
    dataset: str, data_dir: str | None, reading: Reading, rows_per_range: int
) -> tuple[Range, ...]:
    """Cuts a corpus into ranges, in the order of its stream.

    Args:
        dataset: As `texts.open_corpus` takes it.
        data_dir: Directory of TFDS's datasets.
        reading: How rows are read, and which columns.
        rows_per_range: Number of rows that a range aims at, by the bytes per
            row at the beginning of each file.

    Raises:
        FileNotFoundError: If the dataset does not exist.
        ValueError: If it cannot be read; see `texts.open_corpus`.
    """
    raise NotImplementedError


def count(
    dataset: str, data_dir: str | None, reading: Reading, piece: Range
) -> Count:
    """Counts the lines of a range; costs nothing where `cut` numbered it."""
    raise NotImplementedError


def number(
    pieces: Sequence[Range], counts: Sequence[Count]
) -> tuple[Range, ...]:
    """Gives ranges the numbers of their first lines.

    Args:
        pieces: All ranges of `cut`, in order.
        counts: The count of each.
    """
    raise NotImplementedError


def read(
    dataset: str, data_dir: str | None, reading: Reading, piece: Range
) -> Iterator[Example | Fault]:
    """Streams the examples of a range, one row in memory at a time.

    Opens only the range's own file and, for the choice of columns, the
    corpus's first; both are kept open for the next range of the process.

    Args:
        dataset: As `cut` took it, and so on.
        data_dir: Likewise.
        reading: Likewise.
        piece: A range that `number` numbered.
    """
    raise NotImplementedError
