"""The stages by which a corpus is split by hashes, with a unit per range."""

import dataclasses
import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np

from text2image.corpora import hashed, repeats, surveys
from text2image.corpora.examples import Example
from text2image.corpora.ranges import Range
from text2image.corpora.rows import Fault
from tfrecords.config import RecordsConfig
from tfrecords.paths import Path
from tfrecords.stages import row_ranges
from tfrecords.units import arrays, plans, shard_files
from tfrecords.units.runner import Runner, run
from tfrecords.units.unit import Product, Unit

Items = Iterator[Example | Fault]
_START = np.dtype("<i8")


@dataclasses.dataclass(frozen=True)
class Plan:
    """What the stages of a survey are made from.

    Attributes:
        settings: Settings, as `dataclasses.asdict` gives them.
        part_names: Names of the corpus's parts.
        label_index: Label to class, once the classes are known.
        num_ranges: Number of ranges.
        num_buckets: Number of buckets, once the texts are counted.
    """

    settings: dict[str, Any]
    part_names: Sequence[str]
    num_ranges: int
    label_index: Mapping[Any, int] = dataclasses.field(default_factory=dict)
    num_buckets: int = 0

    @functools.cached_property
    def records(self) -> RecordsConfig:
        """The settings."""
        return RecordsConfig(**self.settings)

    def read(self, piece: Range) -> Items:
        """Streams the rows of a range."""
        return row_ranges.read(self.records, piece)


class RangeStage:
    """A stage with a unit per range; see `units.unit.Stage`."""

    name = ""
    noun = "range"
    suffix = ".npz"

    def __init__(self, directory: Path, plan: Plan) -> None:
        """Stores directory and plan."""
        self.directory = directory
        self.plan = str(directory)
        self._plan = plan

    @classmethod
    def open(cls, plan: str) -> Self:
        """Reads the plan."""
        directory, values = plans.load(plan)
        return cls(directory, Plan(**values))

    def unit(self, number: int, key: tuple[Any, ...]) -> Unit:
        """Returns the unit of a range, or of a bucket."""
        file = f"{self.name}-{number:05d}{self.suffix}"
        return Unit(file, 1, (number, *key))

    def read(self, unit: Unit) -> None:
        """Reads nothing: rows are streamed."""

    def write(
        self, unit: Unit, content: None, progress: Callable[[int], object]
    ) -> Product:
        """Writes what `content_of` gives."""
        progress(1)
        path = self.directory / unit.file
        return Product(shard_files.write_bytes(path, self.content_of(unit)))

    def content_of(self, unit: Unit) -> bytes:
        """Returns what `compute` says as an .npz file."""
        return arrays.to_bytes(self.compute(unit))

    def compute(self, unit: Unit) -> dict[str, Any]:
        """Returns the arrays of a unit."""
        raise NotImplementedError

    def results(
        self, units: Sequence[Unit], runner: Runner
    ) -> Iterator[dict[str, np.ndarray]]:
        """Runs units; yields the arrays of each, in order."""
        for mark in self.run(units, runner):
            yield arrays.read(self.directory / mark.shard.file)

    def run(
        self, units: Sequence[Unit], runner: Runner
    ) -> Iterator[shard_files.Mark]:
        """Runs units; returns their marks, in order."""
        plans.save(self.directory, dataclasses.asdict(self._plan))
        return run(self, units, runner)


class Lines(RangeStage):
    """Counts the lines of ranges, which number those after them."""

    name = "lines"

    def compute(self, unit: Unit) -> dict[str, Any]:
        """Returns the fields of a `spans.Count`."""
        return vars(
            row_ranges.count(self._plan.records, row_ranges.range_of(unit))
        )


class Surveys(RangeStage):
    """Surveys ranges: their labels, sides and faults."""

    name = "survey"

    def compute(self, unit: Unit) -> dict[str, Any]:
        """Returns a `surveys.Survey` as JSON."""
        piece = row_ranges.range_of(unit)
        side_of = functools.partial(
            hashed.side_of, seed=self._plan.records.split_seed
        )
        survey = surveys.survey(self._plan.read(piece), piece.part, side_of)
        return {"json": np.array(json.dumps(survey.to_json()))}


class Digests(RangeStage):
    """Hashes the texts of ranges, in buckets.

    A file begins with the numbers of the rows at which its buckets start, and
    at which the last one stops: whoever counts a bucket reads no other.
    """

    name = "digests"
    suffix = ".bin"

    def content_of(self, unit: Unit) -> bytes:
        """Returns the starts of the buckets, `<i8`, and the table."""
        piece = row_ranges.range_of(unit)
        table = repeats.digest_table(
            self._plan.read(piece),
            list(self._plan.part_names).index(piece.part),
            unit.key[0],
            self._plan.label_index,
        )
        buckets = repeats.buckets_of(table, self._plan.num_buckets)
        starts = np.cumsum([0, *map(len, buckets)]).astype(_START)
        return starts.tobytes() + table.tobytes()

    def bucket(self, number: int, bucket: int) -> np.ndarray:
        """Reads a bucket of a range."""
        path = self.directory / self.unit(number, ()).file
        with path.open("rb") as file:
            file.seek(bucket * _START.itemsize)
            start, stop = np.frombuffer(
                file.read(2 * _START.itemsize), _START
            ).tolist()
            header = (self._plan.num_buckets + 1) * _START.itemsize
            file.seek(header + start * repeats.ENTRY.itemsize)
            content = file.read((stop - start) * repeats.ENTRY.itemsize)
        return np.frombuffer(content, repeats.ENTRY)


class Repeats(RangeStage):
    """Counts the repeats in a bucket of all ranges."""

    name = "repeats"
    noun = "bucket"

    def compute(self, unit: Unit) -> dict[str, Any]:
        """Returns `repeats.Counts` as JSON."""
        digests = Digests(self.directory, self._plan)
        tables = [
            digests.bucket(number, unit.key[0])
            for number in range(self._plan.num_ranges)
        ]
        counts = repeats.count_bucket(tables, self._plan.part_names)
        return {"json": np.array(json.dumps(dataclasses.asdict(counts)))}
