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
lines in ids and places. Both depend on the files alone.

- JSON lines, fastText and delimited files are cut between lines; a row of
  several lines belongs to the range in which it begins.
- Parquet is cut between row groups, Arrow between record batches.
- A TFDS dataset is cut between examples, a folder of texts between files.
- What is compressed, JSON of other layouts, UTF-16, lines that end in a
  carriage return, Arrow streams with dictionaries and the demo are a range per
  file.
"""

import dataclasses
import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from text2image.corpora import columns, part_names, row_sources, texts
from text2image.corpora.examples import Example, usable
from text2image.corpora.pieces import Pieces, open_pieces
from text2image.corpora.rows import Fault, Reading
from text2image.corpora.spans import (
    UNKNOWN,
    WHOLE,
    Count,
    Span,
    Spans,
    number_spans,
)


@dataclasses.dataclass(frozen=True)
class Range:
    """A piece of a part of a corpus; `dataclasses.asdict` of it is JSON.

    Attributes:
        part: Name of the part.
        file: The file, relative to the folder; the slice of a TFDS split; `""`
            where the dataset is one file, or a folder of texts.
        span: The piece of the file.
    """

    part: str
    file: str
    span: Span

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Range":
        """Makes the range of which `dataclasses.asdict` is `value`."""
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
            row at the beginning of each file. No range is smaller than a row
            group, record batch or line.

    Raises:
        FileNotFoundError: If the dataset does not exist.
        ValueError: If it cannot be read; see `texts.open_corpus`.
    """
    if dataset == row_sources.DEMO:
        parts = texts.open_corpus(dataset).parts
        return tuple(Range(part, "", WHOLE) for part in parts)
    # A process that builds twice may find other files the second time.
    _open.cache_clear()
    _open_file.cache_clear()
    pieces = _open(dataset, data_dir, reading)[0]
    return tuple(
        Range(part, file, span)
        for part, files in pieces.files.items()
        if part in part_names.PARTS
        for file in files
        for span in pieces.open(part, file).cut(rows_per_range)
    )


def count(
    dataset: str, data_dir: str | None, reading: Reading, piece: Range
) -> Count:
    """Counts the lines of a range; costs nothing where `cut` numbered it."""
    if piece.span.first != UNKNOWN:
        return Count()
    spans = _open_file(dataset, data_dir, reading, piece.part, piece.file)
    assert spans.count
    return spans.count(piece.span)


def number(
    pieces: Sequence[Range], counts: Sequence[Count]
) -> tuple[Range, ...]:
    """Gives ranges the numbers of their first lines.

    Args:
        pieces: All ranges of `cut`, in order.
        counts: The count of each.
    """
    numbered: list[Range] = []
    pairs = zip(pieces, counts, strict=True)
    for (part, file), group in itertools.groupby(
        pairs, lambda pair: (pair[0].part, pair[0].file)
    ):
        of_file = list(group)
        numbered += [
            Range(part, file, span)
            for span in number_spans(
                [piece.span for piece, _ in of_file],
                [count for _, count in of_file],
            )
        ]
    return tuple(numbered)


def read(
    dataset: str, data_dir: str | None, reading: Reading, piece: Range
) -> Iterator[Example | Fault]:
    """Streams the examples of a range, a row in memory at a time.

    It opens the range's own file and, for the choice of columns, the corpus's
    first. Both stay open for the next range that the process reads.

    Args:
        dataset: As `cut` takes it.
        data_dir: Likewise.
        reading: Likewise.
        piece: A range from `number`.
    """
    if dataset == row_sources.DEMO:
        yield from texts.open_corpus(dataset).parts[piece.part]()
        return
    choice = _open(dataset, data_dir, reading)[1]
    spans = _open_file(dataset, data_dir, reading, piece.part, piece.file)
    for row in spans.read(piece.span):
        yield texts.example_of(row, choice)


def example_at(
    dataset: str,
    data_dir: str | None,
    reading: Reading,
    piece: Range,
    row: int,
) -> Example:
    """Reads one example.

    Args:
        dataset: As `cut` takes it.
        data_dir: Likewise.
        reading: Likewise.
        piece: A range from `number`.
        row: Number of the row in the range, from 0.
    """
    items = read(dataset, data_dir, reading, piece)
    return usable(next(itertools.islice(items, row, None)))


@functools.lru_cache(maxsize=2)
def _open(
    dataset: str, data_dir: str | None, reading: Reading
) -> tuple[Pieces, columns.Choice]:
    row_sources.check_parts(dataset, reading)
    pieces = open_pieces(dataset, data_dir, reading)
    is_path = row_sources.is_path(dataset)
    name = dataset if is_path else pieces.source.name
    return pieces, texts.choose_columns(name, pieces.source, reading)


@functools.lru_cache(maxsize=2)
def _open_file(
    dataset: str,
    data_dir: str | None,
    reading: Reading,
    part: str,
    file: str,
) -> Spans:
    return _open(dataset, data_dir, reading)[0].open(part, file)
