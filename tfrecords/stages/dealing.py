"""Which texts are in which shard, by an index of the corpus or by hashes."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence

import tqdm

from text2image.corpora.examples import Corpus
from text2image.corpora.ranges import Range
from text2image.corpora.split import Split, split_corpus
from text2image.corpora.surveyed import SurveyedSplit
from tfrecords import schema
from tfrecords.config import RecordsConfig
from tfrecords.stages import (
    corpus_survey,
    encoded_records,
    row_ranges,
    shard_texts,
)
from tfrecords.units.runner import Runner
from tfrecords.units.unfinished_set import UnfinishedSet
from tfrecords.units.unit import Unit


@dataclasses.dataclass(frozen=True)
class Shards:
    """The shards of a corpus.

    Attributes:
        split: Classes, audit and faults of the corpus.
        units: A unit per shard, train first. Its key starts with split and
            index.
        texts: Streams the corpus's texts, for a sample.
        stage: Writes what the units read, unless an earlier build has.
    """

    split: Split | SurveyedSplit
    units: list[Unit]
    texts: Callable[[], Iterator[str]]
    stage: Callable[[UnfinishedSet], None]


def is_hashed(settings: RecordsConfig, source: Corpus) -> bool:
    """Returns whether sides are hashes of texts."""
    return settings.split == "hashed" and not source.is_split


def split(settings: RecordsConfig, source: Corpus) -> Split:
    """Indexes a corpus and splits it; see `split_corpus`."""
    return split_corpus(
        source,
        protocol=settings.split,
        seed=settings.split_seed,
        limit_train=settings.limit_train,
        limit_validation=settings.limit_validation,
        selection=encoded_records.selection(settings),
    )


def by_index(settings: RecordsConfig, source: Corpus, parts: Split) -> Shards:
    """Deals a corpus that is indexed: full shards in the order of its rows.

    One process reads the corpus and writes the texts of every shard to a file.
    """
    shards = functools.partial(
        encoded_records.deal_shards, source, parts, settings.examples_per_shard
    )

    def texts() -> Iterator[str]:
        for _, _, examples in shards():
            yield from (example.text for example in examples)

    totals = encoded_records.count_examples(parts)

    def stage(unfinished: UnfinishedSet) -> None:
        if unfinished.temporary:
            return
        with (
            tqdm.tqdm(
                total=sum(totals.values()), unit="text", desc="texts", delay=2
            ) as progress,
            encoded_records.dropped_rows(unfinished, parts.faults) as on_fault,
        ):
            names = shard_texts.write(
                unfinished.working_directory,
                shards(on_fault=on_fault),
                parts.label_index,
                progress=progress.update,
            )
        unfinished.keep_files(names, until_published=True)

    size = settings.examples_per_shard
    sizes = {
        name: [min(size, count - start) for start in range(0, count, size)]
        for name, count in totals.items()
    }
    return Shards(parts, _units(sizes), texts, stage)


def by_hash(
    settings: RecordsConfig,
    source: Corpus,
    unfinished: UnfinishedSet,
    runner: Runner,
) -> Shards:
    """Deals a corpus by hashes: a shard per side and range of the corpus.

    Any number of processes read it, a range each.
    """
    directory = unfinished.working_directory
    corpus = corpus_survey.survey_corpus(settings, source, directory, runner)

    def texts() -> Iterator[str]:
        for piece in corpus.pieces:
            for text in shard_texts.of_range(
                settings, corpus.split.label_index, piece
            ):
                yield text.text

    def stage(unfinished: UnfinishedSet) -> None:
        if corpus.split.faults.causes and not unfinished.files:
            with encoded_records.dropped_rows(
                unfinished, corpus.split.faults
            ) as on_fault:
                corpus_survey.write_faults(settings, corpus, on_fault)

    return Shards(
        corpus.split,
        units_of_ranges(corpus.pieces, corpus.sizes),
        texts,
        stage,
    )


def units_of_ranges(
    pieces: Sequence[Range], sizes: Mapping[str, Sequence[int]]
) -> list[Unit]:
    """Returns a unit per side and range of which the side has rows.

    Args:
        pieces: The ranges.
        sizes: Split to the number of its rows in each range.
    """
    shard_sizes: dict[str, list[int]] = {}
    keys: dict[str, list[tuple[object, ...]]] = {}
    for name, counts in sizes.items():
        used = [number for number, count in enumerate(counts) if count]
        if used:
            shard_sizes[name] = [counts[number] for number in used]
            keys[name] = [row_ranges.key_of(pieces[number]) for number in used]
    return _units(shard_sizes, keys)


def _units(
    sizes: Mapping[str, list[int]],
    keys: Mapping[str, list[tuple[object, ...]]] | None = None,
) -> list[Unit]:
    """Returns a unit per shard, from the sizes of the shards of each split."""
    return [
        Unit(
            schema.shard_name("cls", split, index, len(sizes[split])),
            size,
            (split, index, *(keys[split][index] if keys else ())),
        )
        for split in schema.SPLITS
        if split in sizes
        for index, size in enumerate(sizes[split])
    ]
