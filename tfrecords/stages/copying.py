"""Stored vectors to `cls` records, one shard at a time."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

import numpy as np

from text2image.corpora import hashed, vector_files
from text2image.corpora.ranges import Range
from text2image.corpora.rows import Fault
from tfrecords import schema
from tfrecords.config import RecordsConfig
from tfrecords.paths import Path
from tfrecords.stages import row_ranges
from tfrecords.units import plans, shard_files
from tfrecords.units.unit import Product, Unit

# The side of every row, a byte each, unless sides are hashes.
SIDES = "sides.bin"


@dataclasses.dataclass(frozen=True)
class Plan:
    """What the records of a shard are made from, besides its rows.

    Attributes:
        settings: Settings, as `dataclasses.asdict` gives them.
        label_names: Class names.
        label_index: Label of a row to the index of its class.
        is_hashed: Whether the side of a row is a hash.
    """

    settings: dict[str, Any]
    label_names: tuple[str, ...]
    label_index: Mapping[Any, int]
    is_hashed: bool


class Copying:
    """The stage that makes `cls` shards; see `units.unit.Stage`."""

    name = "stacks"
    noun = "row"

    def __init__(self, directory: Path, plan: Plan) -> None:
        """Opens the file of vectors.

        Args:
            directory: Holds the plan and the sides; gets the shards.
            plan: The plan.
        """
        self.directory = directory
        self.plan = str(directory)
        self._plan = plan
        self._settings = RecordsConfig(**plan.settings)
        self._file = vector_files.open_vectors(self._settings.stacks)
        self._schema = schema.cls_schema(
            self._file.stack_shape, tuple(plan.label_names)
        )

    @classmethod
    def open(cls, plan: str) -> Self:
        """Opens the file that the plan names."""
        directory, values = plans.load(plan)
        return cls(directory, Plan(**values))

    def read(self, unit: Unit) -> None:
        """Reads nothing: rows are streamed."""

    def write(
        self, unit: Unit, content: None, progress: Callable[[int], object]
    ) -> Product:
        """Writes the records of the rows of a range that are on one side."""
        records = self._records(
            row_ranges.range_of(unit),
            schema.SPLITS.index(unit.key[0]),
            progress,
        )
        return Product(shard_files.write(self.directory / unit.file, records))

    def _records(
        self, piece: Range, side: int, progress: Callable[[int], object]
    ) -> Iterator[bytes]:
        sides = None if self._plan.is_hashed else self._sides(piece)
        index = self._plan.label_index
        seed = self._settings.split_seed
        number = 0
        for chunk in self._file.read(piece.span):
            count = 0
            for row, item in enumerate(
                vector_files.examples(self._file, chunk)
            ):
                if isinstance(item, Fault) or item.label not in index:
                    continue
                if side != (
                    hashed.side_of(item.text, seed)
                    if sides is None
                    else sides[number + row]
                ):
                    continue
                count += 1
                yield self._schema.serialize(
                    item.id,
                    index[item.label],
                    chunk.stacks[row],
                    text=chunk.text(row),
                )
            number += len(chunk.stacks)
            progress(count)

    def _sides(self, piece: Range) -> np.ndarray:
        """Reads the sides of the rows of a range, `(n,)` int8."""
        with (self.directory / SIDES).open("rb") as file:
            file.seek(piece.span.first - 1)
            return np.frombuffer(file.read(piece.span.lines or -1), np.int8)
