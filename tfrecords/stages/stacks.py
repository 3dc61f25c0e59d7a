"""Corpus to `cls` records: texts to stacks."""

import collections
import dataclasses
from collections.abc import Iterable
from typing import Any

from absl import logging

from text2image.corpora.examples import Corpus
from text2image.corpora.split import Split
from text2image.corpora.surveyed import SurveyedSplit
from text2image.corpora.texts import open_corpus
from tfrecords import schema
from tfrecords.config import RecordsConfig
from tfrecords.paths import Path
from tfrecords.stages import (
    audit_log,
    dealing,
    encoded_records,
    map_checks,
    record_sets,
    unknown_tokens,
)
from tfrecords.stages.encoding import Encoding, Plan
from tfrecords.units import plans
from tfrecords.units.runner import LOCAL, Runner, run
from tfrecords.units.shard_files import Mark
from tfrecords.units.unfinished_set import UnfinishedSet

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
    "pooling",
    "max_tokens",
    "long_texts",
    "clean",
    "tokens_per_batch",
    "encoder_engine",
    "encoder_dtype",
    "examples_per_shard",
)

# Of the vectors, by `options.POOLINGS`, for the description of a set.
_POOLED = {
    "cls": "[CLS]",
    "mean": "mean",
    "max": "max",
    "first_last": "first-last",
}


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
    settings, source, target = _locate(settings)
    shape = encoded_records.check_encoder(
        settings, target, settings.layers, settings.pooling
    )
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


def is_made(settings: RecordsConfig) -> bool:
    """Whether the corpus is encoded with these settings already."""
    _, _, target = _locate(settings)
    return (target.directory / schema.MANIFEST).exists()


def _locate(
    settings: RecordsConfig,
) -> tuple[RecordsConfig, Corpus, encoded_records.Target]:
    """Resolves the settings; opens the corpus; says where its stacks are."""
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
    return settings, source, target


def _encode(
    settings: RecordsConfig,
    source: Corpus,
    target: encoded_records.Target,
    runner: Runner,
) -> None:
    parts = None
    if not dealing.is_hashed(settings, source):
        parts = dealing.split(settings, source)  # refuses before it writes
        _log_corpus(parts, target)
    with UnfinishedSet(target.directory, target.provenance) as unfinished:
        directory = unfinished.working_directory
        if parts is None:
            shards = dealing.by_hash(settings, source, unfinished, runner)
            _log_corpus(shards.split, target)
        else:
            shards = dealing.by_index(settings, source, parts)
        bert = encoded_records.build_encoder(settings, target.encoder_path)
        map_checks.check_map_settings(settings, bert.stack_shape)
        sample = unknown_tokens.check_vocabulary(
            bert, settings.encoder, shards.texts()
        )
        label_names = shards.split.label_names
        record_schema = schema.cls_schema(bert.stack_shape, label_names)
        count = sum(unit.size for unit in shards.units)
        record_sets.check_space(
            settings, target.directory, count, record_schema
        )
        shards.stage(unfinished)
        plan = Plan(
            dataclasses.asdict(settings),
            target.encoder_path,
            bert.choose_shapes(sample, count).widths,
            label_names,
            shards.split.label_index,
        )
        if runner == LOCAL:
            bert.prepare(sample, count)
        plans.save(directory, dataclasses.asdict(plan))
        stage = Encoding(directory, plan, bert)
        details = {
            **encoded_records.common_details(target, shards.split.audit, bert),
            "layers": bert.layers,
            "gelu": bert.gelu,
            **_token_details(run(stage, shards.units, runner)),
        }
        unfinished.publish(
            record_schema,
            collections.Counter(unit.key[0] for unit in shards.units),
            f"BERT {_POOLED[bert.pooling]} stacks {bert.stack_shape} of "
            f"{source.name}.",
            details,
        )
    _log_tokens(settings, details)


def _log_corpus(
    parts: Split | SurveyedSplit, target: encoded_records.Target
) -> None:
    audit_log.log_texts(parts.audit)
    audit_log.log_faults(parts.faults, target.directory)


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
