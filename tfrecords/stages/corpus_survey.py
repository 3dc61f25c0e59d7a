"""The hashed split of a corpus that no process reads whole.

Every range of the corpus is counted, surveyed and hashed on its own; buckets of
hashes are counted for repeats. Memory holds a range, or a bucket.
"""

import collections
import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from text2image.corpora import ranges, repeats, surveys
from text2image.corpora.examples import Corpus
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
from tfrecords.stages.survey_stages import (
    Digests,
    Lines,
    Plan,
    RangeStage,
    Repeats,
    Surveys,
)
from tfrecords.units.runner import Runner
from tfrecords.units.unit import Unit


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
    digests = Digests(directory, plan)
    collections.deque(digests.run(_units(digests, pieces), runner), 0)
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


def _results(
    stage: RangeStage, pieces: Sequence[Range], runner: Runner
) -> Iterator[dict[str, np.ndarray]]:
    return stage.results(_units(stage, pieces), runner)


def _units(stage: RangeStage, pieces: Sequence[Range]) -> list[Unit]:
    return [
        stage.unit(n, row_ranges.key_of(piece))
        for n, piece in enumerate(pieces)
    ]


def _size(survey: surveys.Survey, side: int, split: SurveyedSplit) -> int:
    return sum(
        count
        for rows in survey.parts.values()
        for label, count in rows.sides.get(side, {}).items()
        if label in split.label_index
    )
