"""Corpus to `cls` records: texts to [CLS] stacks."""

import collections
import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import tqdm
from absl import logging

from text2image.corpora.examples import Corpus
from text2image.corpora.split import Split, split_corpus
from text2image.corpora.texts import open_corpus
from tfrecords import schema
from tfrecords.config import RecordsConfig
from tfrecords.paths import Path
from tfrecords.stages import (
    audit_log,
    encoded_records,
    map_checks,
    record_sets,
    staged_texts,
    unknown_tokens,
)
from tfrecords.stages.encoding import Encoding, Plan
from tfrecords.units import plans
from tfrecords.units.runner import LOCAL, Runner, run
from tfrecords.units.shard_files import Mark
from tfrecords.units.unfinished_set import UnfinishedSet
from tfrecords.units.unit import Unit

# Fields of `RecordsConfig` that the stacks depend on, besides corpus and
# encoder.
SETTINGS = (
    "text_key",
    "label_key",
    "label_map",
    "merge_labels",
    "bad_rows",
    "min_class_size",
    "split",
    "train_split",
    "validation_split",
    "split_seed",
    "limit_train",
    "limit_validation",
    "layers",
    "max_tokens",
    "tokens_per_batch",
    "encoder_engine",
    "encoder_dtype",
    "examples_per_shard",
)


def prepare_cls(settings: RecordsConfig, runner: Runner = LOCAL) -> Path:
    """Encodes the corpus, unless these stacks already exist.

    Memory holds two shards of texts and one of stacks, whatever the size of
    the corpus.

    Args:
        settings: Corpus, encoder and split.
        runner: What encodes the shards.

    Returns:
        The directory of the `cls` records.
    """
    settings = encoded_records.resolve(settings)
    source = open_corpus(
        settings.dataset,
        data_dir=settings.data_dir or None,
        download=settings.download,
        reading=settings.reading,
    )
    target = encoded_records.locate(
        settings,
        "cls",
        source,
        {**record_sets.pick(settings, SETTINGS), **source.reading},
    )
    shape = encoded_records.check_encoder(settings, target, settings.layers)
    if shape is not None:
        map_checks.check_map_settings(settings, shape)
    manifest = record_sets.existing(target.directory, target.provenance)
    if manifest:
        logging.info("stacks: reusing %s", target.directory)
        audit_log.log_texts(manifest.details["audit"])
        _log_tokens(settings, manifest.details)
    else:
        logging.info("stacks: making %s", target.directory)
        _encode(settings, source, target, runner)
    return target.directory


def _encode(
    settings: RecordsConfig,
    source: Corpus,
    target: encoded_records.Target,
    runner: Runner,
) -> None:
    parts = split_corpus(
        source,
        protocol=settings.split,
        seed=settings.split_seed,
        limit_train=settings.limit_train,
        limit_validation=settings.limit_validation,
        selection=encoded_records.selection(settings),
    )
    audit_log.log_texts(parts.audit)
    audit_log.log_faults(parts.faults, target.directory)
    bert = encoded_records.build_encoder(
        settings, target.encoder_path, layers=settings.layers
    )
    map_checks.check_map_settings(settings, bert.stack_shape)
    shards = functools.partial(
        encoded_records.deal_shards, source, parts, settings.examples_per_shard
    )
    sample = unknown_tokens.check_vocabulary(
        bert,
        settings.encoder,
        (example.text for _, _, examples in shards() for example in examples),
    )
    record_schema = schema.cls_schema(bert.stack_shape, parts.label_names)
    count = sum(encoded_records.count_examples(parts).values())
    record_sets.check_space(settings, target.directory, count, record_schema)
    with UnfinishedSet(target.directory, target.provenance) as unfinished:
        if not unfinished.temporary:
            _stage_texts(unfinished, parts, shards)
        plan = Plan(
            dataclasses.asdict(settings),
            target.encoder_path,
            bert.choose_shapes(sample, count).widths,
            parts.label_names,
        )
        if runner == LOCAL:
            bert.prepare(sample, count)
        directory = unfinished.working_directory
        plans.save(directory, dataclasses.asdict(plan))
        num_shards = encoded_records.count_shards(settings, parts)
        units = _units(settings, parts)
        details = {
            **encoded_records.common_details(target, parts, bert),
            "layers": bert.layers,
            "gelu": bert.gelu,
            **_token_details(
                run(Encoding(directory, plan, bert), units, runner)
            ),
        }
        unfinished.publish(
            record_schema,
            num_shards,
            f"BERT [CLS] stacks {bert.stack_shape} of {source.name}.",
            details,
        )
    _log_tokens(settings, details)


def _stage_texts(
    unfinished: UnfinishedSet,
    parts: Split,
    shards: Callable[..., Iterator[tuple[str, int, list[Any]]]],
) -> None:
    """Writes the texts of every shard to a file of its own."""
    total = sum(encoded_records.count_examples(parts).values())
    with (
        tqdm.tqdm(total=total, unit="text", desc="texts", delay=2) as progress,
        encoded_records.dropped_rows(unfinished, parts) as on_fault,
    ):
        names = staged_texts.write(
            unfinished.working_directory,
            shards(on_fault=on_fault),
            parts.label_index,
            progress=progress.update,
        )
    unfinished.keep_files(names, until_published=True)


def _units(settings: RecordsConfig, parts: Split) -> list[Unit]:
    """Returns a unit per shard, train first."""
    size = settings.examples_per_shard
    num_shards = encoded_records.count_shards(settings, parts)
    return [
        Unit(
            schema.shard_name("cls", split, index, num_shards[split]),
            min(size, count - index * size),
            (split, index),
        )
        for split, count in encoded_records.count_examples(parts).items()
        for index in range(num_shards[split])
    ]


def _token_details(marks: Iterable[Mark]) -> dict[str, float]:
    """Sums up what the marks of all shards say about their tokens."""
    totals: collections.Counter[str] = collections.Counter()
    for mark in marks:
        totals.update(mark.details, num_texts=mark.shard.num_examples)
    words = totals["num_tokens"] - 2 * totals["num_texts"]  # [CLS], [SEP]
    return {
        "mean_tokens": totals["num_tokens"] / totals["num_texts"],
        "truncated_share": totals["num_truncated"] / totals["num_texts"],
        "unknown_share": totals["num_unknown"] / max(words, 1),
    }


def _log_tokens(settings: RecordsConfig, details: dict[str, Any]) -> None:
    logging.info(
        "stacks: %.0f tokens per text on average, %.1f%% of the texts cut at "
        "%d%s",
        details["mean_tokens"],
        100 * details["truncated_share"],
        settings.max_tokens,
        unknown_tokens.describe(details),
    )
    unknown_tokens.warn(details.get("unknown_share", 0.0))
