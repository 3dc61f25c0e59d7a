"""Corpus to `cls` records: texts to [CLS] stacks."""

import pathlib
import typing
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from absl import logging

from tfrecords import config
from tfrecords.stages import record_sets

if typing.TYPE_CHECKING:
    from text2image.bert import encoder as encoder_lib
    from text2image.corpora import split as split_lib
    from text2image.corpora import texts as corpus_lib
    from tfrecords import schema as schema_lib
    from tfrecords import writer as writer_lib

SETTINGS = (
    "text_key",
    "label_key",
    "split",
    "split_seed",
    "limit_train",
    "limit_validation",
    "layers",
    "max_tokens",
    "tokens_per_batch",
    "encoder_dtype",
    "examples_per_shard",
)


def prepare_cls(settings: config.RecordsConfig) -> pathlib.Path:
    """Encodes the corpus, unless the same stacks stand already.

    Memory holds two shards of texts and one of stacks, whatever the corpus.

    Returns:
        The directory of the `cls` records.
    """
    from text2image.corpora import texts as corpus

    source = corpus.open_corpus(
        settings.dataset,
        data_dir=settings.data_dir or None,
        download=settings.download,
        text_key=settings.text_key,
        label_key=settings.label_key,
    )
    encoder_path, directory, provenance = locate(
        settings, "cls", source, record_sets.pick(settings, SETTINGS)
    )
    manifest = record_sets.standing(directory, provenance)
    if manifest:
        logging.info("stacks: reusing %s", directory)
        _log_audit(manifest.details["audit"])
        _log_tokens(settings, manifest.details)
        return directory
    _encode(settings, source, encoder_path, directory, provenance)
    return directory


def locate(
    settings: config.RecordsConfig,
    kind: str,
    source: "corpus_lib.Corpus",
    chosen: dict[str, Any],
) -> tuple[str, pathlib.Path, dict[str, Any]]:
    """Says where the records of an encoded corpus stand.

    Args:
        settings: Name the encoder and `records_dir`.
        kind: Of the records.
        source: The corpus.
        chosen: What they depend on besides corpus and encoder.

    Returns:
        The encoder's path, the records' directory and their provenance.
    """
    from text2image.bert import checkpoint

    encoder_path = checkpoint.locate(settings.encoder)
    provenance = {
        "kind": kind,
        "corpus": source.name,
        "corpus_sha256": source.sha256,
        "encoder_sha256": checkpoint.identify(encoder_path),
        **chosen,
    }
    encoder_name = pathlib.PurePath(settings.encoder).name
    name = f"{source.name}-{encoder_name}"
    directory = record_sets.directory(settings, kind, name, provenance)
    return encoder_path, directory, provenance


def _encode(
    settings: config.RecordsConfig,
    source: "corpus_lib.Corpus",
    encoder_path: str,
    directory: pathlib.Path,
    provenance: dict[str, Any],
) -> None:
    from text2image.bert import encoder
    from text2image.corpora import split
    from tfrecords import schema, writer

    logging.info("stacks: making %s", directory)
    parts = split.split_corpus(
        source,
        protocol=settings.split,
        seed=settings.split_seed,
        limit_train=settings.limit_train,
        limit_validation=settings.limit_validation,
    )
    _log_audit(parts.audit)
    totals = count_examples(parts)
    count = sum(totals.values())
    bert = encoder.Encoder(
        encoder_path,
        layers=settings.layers,
        max_tokens=settings.max_tokens,
        tokens_per_batch=settings.tokens_per_batch,
        length_step=encoder.length_step(count),
        dtype=settings.encoder_dtype,
    )
    record_schema = schema.cls_schema(bert.stack_shape, parts.label_names)
    record_sets.check_space(settings, directory, count, record_schema)
    size = settings.examples_per_shard
    num_shards = {name: -(-count // size) for name, count in totals.items()}
    with writer.RecordWriter(
        directory, record_schema, provenance, num_shards
    ) as records:
        num_tokens, num_truncated = _write_shards(
            records,
            record_schema,
            bert,
            parts,
            deal_shards(source, parts, size),
        )
        details = {
            "audit": parts.audit,
            "layers": bert.layers,
            "gelu": bert.gelu,
            "encoder": describe_encoder(
                bert, encoder_path, provenance["encoder_sha256"]
            ),
            "mean_tokens": num_tokens / count,
            "truncated_share": num_truncated / count,
            "versions": record_sets.versions(),
        }
        records.finish(
            f"BERT [CLS] stacks {bert.stack_shape} of {source.name}.", details
        )
    _log_tokens(settings, details)


def _write_shards(
    records: "writer_lib.RecordWriter",
    record_schema: "schema_lib.Schema",
    bert: "encoder_lib.Encoder",
    parts: "split_lib.Split",
    shards: Iterable[tuple[str, int, list[Any]]],
) -> tuple[int, int]:
    """Writes what no earlier run did; tokens kept, and texts cut, of all."""
    import tqdm

    if records.num_finished:
        logging.info(
            "stacks: going on behind %d finished shards", records.num_finished
        )
    num_tokens = num_truncated = 0
    with tqdm.tqdm(
        total=sum(count_examples(parts).values()), unit="text", desc="stacks"
    ) as progress:
        for name, index, examples in shards:
            texts = [example.text for example in examples]
            if records.is_finished(name, index):
                lengths = bert.count_tokens(texts)
                progress.update(len(texts))
            else:
                stacks, lengths = bert.encode(texts, progress=progress.update)
                serialized = (
                    record_schema.serialize(
                        example.id,
                        parts.label_names.index(example.label),
                        stack,
                        text=example.text,
                    )
                    for example, stack in zip(examples, stacks, strict=True)
                )
                records.write_shard(name, index, serialized)
            num_tokens += int(np.minimum(lengths, bert.max_tokens).sum())
            num_truncated += int((lengths > bert.max_tokens).sum())
    return num_tokens, num_truncated


def describe_encoder(
    bert: "encoder_lib.Encoder", path: str, sha256: str
) -> dict[str, Any]:
    """What export and prediction need to find an encoder again."""
    return {
        "source": _lasting(path),
        "sha256": sha256,
        "layers": bert.layers,
        "max_tokens": bert.max_tokens,
        "gelu": bert.gelu,
        "pooling": bert.pooling,
        "dtype": bert.dtype,
    }


def count_examples(parts: "split_lib.Split") -> dict[str, int]:
    """Examples of every split that has any."""
    from tfrecords import schema

    totals = {
        name: int((parts.side == side).sum())
        for side, name in enumerate(schema.SPLITS)
    }
    return {name: count for name, count in totals.items() if count}


def deal_shards(
    source: "corpus_lib.Corpus", parts: "split_lib.Split", size: int
) -> Iterator[tuple[str, int, list[Any]]]:
    """Deals the corpus out to shards of `size`, in the order of its rows."""
    from tfrecords import schema

    waiting: list[list[Any]] = [[] for _ in schema.SPLITS]
    index = [0] * len(schema.SPLITS)
    row = 0
    for read in source.parts.values():
        for example in read():
            side = int(parts.side[row])
            row += 1
            if side >= len(waiting):
                continue
            waiting[side].append(example)
            if len(waiting[side]) == size:
                yield schema.SPLITS[side], index[side], waiting[side]
                index[side] += 1
                waiting[side] = []
    for side, examples in enumerate(waiting):
        if examples:
            yield schema.SPLITS[side], index[side], examples


def _lasting(encoder_path: str) -> str:
    """A directory's whole path; a preset's name as it is."""
    path = pathlib.Path(encoder_path)
    return str(path.resolve()) if path.is_dir() else encoder_path


def _log_tokens(
    settings: config.RecordsConfig, details: dict[str, Any]
) -> None:
    logging.info(
        "stacks: %.0f tokens a text on average, %.1f%% of the texts cut at %d",
        details["mean_tokens"],
        100 * details["truncated_share"],
        settings.max_tokens,
    )


def _log_audit(audit: dict[str, Any]) -> None:
    repeats = ", ".join(
        f"{count} {name.replace('_', ' ')}"
        for name, count in audit["repeats"].items()
        if name != "all"
    )
    logging.info(
        "corpus: %d texts, %d exact repeats (%s); train %s, validation %s",
        audit["num_examples"],
        audit["repeats"]["all"],
        repeats,
        audit["train"],
        audit["validation"],
    )
