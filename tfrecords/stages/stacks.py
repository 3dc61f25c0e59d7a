"""Corpus to `cls` records: texts to [CLS] stacks."""

import functools
import pathlib
from collections.abc import Iterable
from typing import Any

import tqdm
from absl import logging

from text2image.bert.encoder import Encoder
from text2image.corpora.examples import Corpus
from text2image.corpora.split import Split, split_corpus
from text2image.corpora.texts import open_corpus
from tfrecords import schema
from tfrecords.config import RecordsConfig
from tfrecords.stages import (
    audit_log,
    encoded_records,
    map_checks,
    record_sets,
    unknown_tokens,
)
from tfrecords.stages.tokens_ahead import tokenize_ahead
from tfrecords.writer import RecordWriter

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


def prepare_cls(settings: RecordsConfig) -> pathlib.Path:
    """Encodes the corpus, unless these stacks already exist.

    Memory holds three shards of texts and one of stacks, whatever the size of
    the corpus.

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
        _encode(settings, source, target)
    return target.directory


def _encode(
    settings: RecordsConfig, source: Corpus, target: encoded_records.Target
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
        settings, target, layers=settings.layers
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
    count = sum(encoded_records.count_examples(parts).values())
    unknown = unknown_tokens.UnknownTokens()
    record_schema = schema.cls_schema(bert.stack_shape, parts.label_names)
    writer = encoded_records.open_writer(settings, target, parts, record_schema)
    with writer as records:
        bert.prepare(sample, count)
        with encoded_records.dropped_rows(records, parts) as on_fault:
            num_tokens, num_truncated = _write_shards(
                records,
                record_schema,
                bert,
                parts,
                unknown,
                shards(on_fault=on_fault),
            )
        details = {
            **encoded_records.common_details(target, parts, bert),
            "layers": bert.layers,
            "gelu": bert.gelu,
            "mean_tokens": num_tokens / count,
            "truncated_share": num_truncated / count,
            "unknown_share": unknown.share,
        }
        records.finish(
            f"BERT [CLS] stacks {bert.stack_shape} of {source.name}.", details
        )
    _log_tokens(settings, details)


def _write_shards(
    records: RecordWriter,
    record_schema: schema.Schema,
    bert: Encoder,
    parts: Split,
    unknown: unknown_tokens.UnknownTokens,
    shards: Iterable[tuple[str, int, list[Any]]],
) -> tuple[int, int]:
    """Encodes and writes the shards that are not finished.

    Returns:
        The number of tokens kept and of texts truncated, in all shards.
    """
    if records.num_finished:
        logging.info(
            "stacks: resuming after %d finished shards", records.num_finished
        )
    total = sum(encoded_records.count_examples(parts).values())
    num_tokens = num_truncated = 0
    with tqdm.tqdm(total=total, unit="text", desc="stacks") as progress:
        for split, index, examples, tokens in tokenize_ahead(
            bert, shards, lambda example: [example.text]
        ):
            unknown.add(tokens)
            if records.is_finished(split, index):
                progress.update(len(tokens))
            else:
                stacks, _ = bert.encode(tokens, progress=progress.update)
                serialized = (
                    record_schema.serialize(
                        example.id,
                        parts.label_index[example.label],
                        stack,
                        text=example.text,
                    )
                    for example, stack in zip(examples, stacks, strict=True)
                )
                records.write_shard(split, index, serialized)
            num_tokens += int(tokens.kept.sum())
            num_truncated += int((tokens.lengths > bert.max_tokens).sum())
    return num_tokens, num_truncated


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
