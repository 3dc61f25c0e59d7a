"""The hashed split of a corpus that no process reads whole.

Every range of the corpus is counted, surveyed and hashed on its own; buckets of
hashes are counted for repeats. Memory holds a range, or a bucket.
"""

import collections
import dataclasses
import functools
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np

from text2image.corpora import hashed, ranges, repeats, surveys
from text2image.corpora.examples import Corpus, Example
from text2image.corpora.ranges import Range
from text2image.corpora.rows import Fault
from text2image.corpora.sides import SHARES, SIDES, TRAIN
from text2image.corpora.spans import Count
from text2image.corpora.surveyed import (
    SurveyedSplit,
    choose_classes,
    split_survey,
)
from tfrecords.config import RecordsConfig
from tfrecords.paths import Path
from tfrecords.stages import encoded_records, row_ranges
from tfrecords.units import plans, shard_files
from tfrecords.units.runner import Runner, run
from tfrecords.units.unit import Product, Unit

Items = Iterator[Example | Fault]


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


class _RangeStage:
    """A stage with a unit per range; see `units.unit.Stage`."""

    name = ""
    noun = "range"

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
        return Unit(f"{self.name}-{number:05d}.npz", 1, (number, *key))

    def read(self, unit: Unit) -> None:
        """Reads nothing: rows are streamed."""

    def write(
        self, unit: Unit, content: None, progress: Callable[[int], object]
    ) -> Product:
        """Writes what `compute` says as an .npz file."""
        buffer = io.BytesIO()
        np.savez(buffer, **self.compute(unit))
        progress(1)
        path = self.directory / unit.file
        return Product(shard_files.write_bytes(path, buffer.getvalue()))

    def compute(self, unit: Unit) -> dict[str, Any]:
        """Returns the arrays of a unit."""
        raise NotImplementedError

    def results(
        self, units: Sequence[Unit], runner: Runner
    ) -> Iterator[dict[str, np.ndarray]]:
        """Runs units; yields the arrays of each, in order."""
        plans.save(self.directory, dataclasses.asdict(self._plan))
        for mark in run(self, units, runner):
            with _open(self.directory / mark.shard.file) as arrays:
                yield {name: arrays[name] for name in arrays.files}


class Lines(_RangeStage):
    """Counts the lines of ranges, which number those after them."""

    name = "lines"

    def compute(self, unit: Unit) -> dict[str, Any]:
        """Returns the fields of a `spans.Count`."""
        return vars(row_ranges.count(self._plan.records, range_of(unit)))


class Surveys(_RangeStage):
    """Surveys ranges: their labels, sides and faults."""

    name = "survey"

    def compute(self, unit: Unit) -> dict[str, Any]:
        """Returns a `surveys.Survey` as JSON."""
        piece = range_of(unit)
        side_of = functools.partial(
            hashed.side_of, seed=self._plan.records.split_seed
        )
        survey = surveys.survey(self._plan.read(piece), piece.part, side_of)
        return {"json": np.array(json.dumps(survey.to_json()))}


class Digests(_RangeStage):
    """Hashes the texts of ranges, in buckets."""

    name = "digests"

    def compute(self, unit: Unit) -> dict[str, Any]:
        """Returns the table of each bucket."""
        piece = range_of(unit)
        table = repeats.digest_table(
            self._plan.read(piece),
            list(self._plan.part_names).index(piece.part),
            unit.key[0],
            self._plan.label_index,
        )
        buckets = repeats.buckets_of(table, self._plan.num_buckets)
        return {f"bucket_{number}": each for number, each in enumerate(buckets)}


class Repeats(_RangeStage):
    """Counts the repeats in a bucket of all ranges."""

    name = "repeats"
    noun = "bucket"

    def compute(self, unit: Unit) -> dict[str, Any]:
        """Returns `repeats.Counts` as JSON."""
        digests = Digests(self.directory, self._plan)
        tables = []
        for number in range(self._plan.num_ranges):
            path = self.directory / digests.unit(number, ()).file
            with _open(path) as arrays:
                tables.append(arrays[f"bucket_{unit.key[0]}"])
        counts = repeats.count_bucket(tables, self._plan.part_names)
        return {"json": np.array(json.dumps(dataclasses.asdict(counts)))}


@dataclasses.dataclass(frozen=True)
class SurveyedCorpus:
    """A corpus that is split by hashes.

    Attributes:
        split: Classes, audit and faults.
        pieces: The ranges, in order.
        sizes: Split name to the number of its texts in each range.
    """

    split: SurveyedSplit
    pieces: tuple[Range, ...]
    sizes: dict[str, list[int]]


def survey_corpus(
    settings: RecordsConfig, source: Corpus, directory: Path, runner: Runner
) -> SurveyedCorpus:
    """Splits a corpus by hashes of its texts.

    Args:
        settings: Corpus, split and selection.
        source: The corpus; only its description is used.
        directory: Gets a file per range and stage.
        runner: What runs the stages.

    Raises:
        ValueError: As `split.split_corpus`.
    """
    plan = Plan(dataclasses.asdict(settings), list(source.parts), 0)
    pieces = cut(settings)
    plan = dataclasses.replace(plan, num_ranges=len(pieces))
    counts = [
        Count(int(arrays["size"]), tuple(arrays["opens"].tolist()))
        for arrays in _results(Lines(directory, plan), pieces, runner)
    ]
    pieces = ranges.number(pieces, counts)
    found = [
        surveys.Survey.from_json(json.loads(str(arrays["json"])))
        for arrays in _results(Surveys(directory, plan), pieces, runner)
    ]
    merged = surveys.merge(found)
    selection = encoded_records.selection(settings)
    chosen = choose_classes(source, merged, selection)
    plan = dataclasses.replace(
        plan,
        label_index=chosen.label_index,
        num_buckets=repeats.num_buckets(sum(merged.labels.values())),
    )
    collections.deque(_results(Digests(directory, plan), pieces, runner), 0)
    buckets = Repeats(directory, plan)
    counted = repeats.merge_counts(
        repeats.Counts.from_json(json.loads(str(arrays["json"])))
        for arrays in buckets.results(
            [buckets.unit(n, ()) for n in range(plan.num_buckets)], runner
        )
    )
    split = split_survey(
        source,
        merged,
        counted,
        lambda piece, row: row_ranges.example_at(settings, pieces[piece], row),
        selection=selection,
    )
    sizes = {
        SIDES[side]: [_size(survey, side, split) for survey in found]
        for side in (TRAIN, *SHARES)
    }
    return SurveyedCorpus(split, pieces, sizes)


def cut(settings: RecordsConfig) -> tuple[Range, ...]:
    """Cuts what a set is made from; a train shard is made from each range."""
    rows = settings.examples_per_shard / (1 - sum(SHARES.values()))
    return row_ranges.cut(settings, round(rows))


def write_faults(
    settings: RecordsConfig,
    corpus: SurveyedCorpus,
    on_fault: Callable[[Fault], object],
) -> None:
    """Reads the corpus again for the rows that are dropped."""
    plan = Plan(dataclasses.asdict(settings), (), 0)
    for piece in corpus.pieces:
        for item in plan.read(piece):
            if isinstance(item, Fault):
                on_fault(item)


def range_of(unit: Unit) -> Range:
    """Returns the range of a unit whose key holds it."""
    part, file, span = unit.key[-3:]
    return Range.from_json({"part": part, "file": file, "span": dict(span)})


def key_of(piece: Range) -> tuple[Any, ...]:
    """Returns what `range_of` reads in the key of a unit."""
    span = tuple(dataclasses.asdict(piece.span).items())
    return piece.part, piece.file, span


def _results(
    stage: _RangeStage, pieces: Sequence[Range], runner: Runner
) -> Iterator[dict[str, np.ndarray]]:
    units = [stage.unit(n, key_of(piece)) for n, piece in enumerate(pieces)]
    return stage.results(units, runner)


def _size(survey: surveys.Survey, side: int, split: SurveyedSplit) -> int:
    return sum(
        count
        for rows in survey.parts.values()
        for label, count in rows.sides.get(side, {}).items()
        if label in split.label_index
    )


def _open(path: Path) -> Any:
    return np.load(io.BytesIO(path.read_bytes()))
