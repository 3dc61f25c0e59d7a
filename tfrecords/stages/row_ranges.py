"""Ranges of what a set is made from: of a corpus, or of stored vectors."""

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

from text2image.corpora import ranges, vector_files
from text2image.corpora.examples import Example, usable
from text2image.corpora.ranges import Range
from text2image.corpora.rows import Fault, Reading
from text2image.corpora.spans import Count
from tfrecords.config import RecordsConfig
from tfrecords.units.unit import Unit


def cut(settings: RecordsConfig, rows: int) -> tuple[Range, ...]:
    """Cuts it into ranges of about this many rows; see `ranges.cut`."""
    if settings.stacks:
        file = vector_files.open_vectors(settings.stacks)
        return tuple(
            Range(vector_files.PART, "", span) for span in file.cut(rows)
        )
    return ranges.cut(*_corpus(settings), rows)


def count(settings: RecordsConfig, piece: Range) -> Count:
    """Counts the lines of a range; see `ranges.count`."""
    if settings.stacks:
        return Count()
    return ranges.count(*_corpus(settings), piece)


def read(settings: RecordsConfig, piece: Range) -> Iterator[Example | Fault]:
    """Streams the examples of a range; see `ranges.read`."""
    if settings.stacks:
        file = vector_files.open_vectors(settings.stacks)
        return vector_files.read(file, piece.span)
    return ranges.read(*_corpus(settings), piece)


def example_at(settings: RecordsConfig, piece: Range, row: int) -> Example:
    """Reads one example; see `ranges.example_at`."""
    items = read(settings, piece)
    return usable(next(itertools.islice(items, row, None)))


def range_of(unit: Unit) -> Range:
    """Returns the range of a unit whose key holds it."""
    part, file, span = unit.key[-3:]
    return Range.from_json({"part": part, "file": file, "span": dict(span)})


def key_of(piece: Range) -> tuple[Any, ...]:
    """Returns what `range_of` reads in the key of a unit."""
    span = tuple(dataclasses.asdict(piece.span).items())
    return piece.part, piece.file, span


def _corpus(settings: RecordsConfig) -> tuple[str, str | None, Reading]:
    return settings.dataset, settings.data_dir or None, settings.reading
