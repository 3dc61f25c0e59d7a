"""Pictures with titles and descriptions to `multimodal` records."""

import dataclasses
import math
import pathlib
import typing
from typing import Any

import numpy as np
from absl import logging

from tfrecords import config
from tfrecords.stages import record_sets
from tfrecords.stages import stacks as encode

if typing.TYPE_CHECKING:
    from text2image.bert import encoder as encoder_lib
    from text2image.corpora import examples, split
    from tfrecords import schema

_SETTINGS = (
    "label_key",
    "split",
    "split_seed",
    "limit_train",
    "limit_validation",
    "max_tokens",
    "tokens_per_batch",
    "encoder_dtype",
    "examples_per_shard",
)
# Settings of texts' pictures, and what this kind names otherwise.
IGNORED = tuple(
    field.name
    for field in dataclasses.fields(config.RecordsConfig)
    if field.name
    not in (
        *_SETTINGS,
        "dataset",
        "data_dir",
        "download",
        "encoder",
        "records_dir",
    )
)
# What is otherwise in settings that are shared with texts.
HELPS = {
    "dataset": (
        "Pictures with texts: a .jsonl, .csv or .tsv file with a column of "
        "pictures, a directory of WebVision, a prepared TFDS directory or a "
        "TFDS name. There is no demo."
    ),
    "label_key": "Column or feature of the label. Default: 'label'.",
    "split": (
        "pooled: all labelled samples together, of each class --held_out "
        "held out, seeded (the paper's protocol). official: the corpus's own "
        "parts. Default: 'pooled'."
    ),
    "limit_train": "Most train samples, stratified; 0 for all. Default: 0.",
    "limit_validation": (
        "Most validation samples, stratified; 0 for all. Default: 0."
    ),
}


def prepare_multimodal(
    settings: config.RecordsConfig, chosen: config.MultimodalConfig
) -> pathlib.Path:
    """Encodes the texts and keeps the pictures, unless that stands already.

    Memory holds the samples of a few shards, whatever the corpus. The
    pictures of files are known by their list, not by their bytes: delete the
    records after changing pictures under the same names.

    Returns:
        The directory of the `multimodal` records.

    Raises:
        ValueError: If a picture is missing or broken and the samples are not
            to be dropped; names every one.
    """
    source = _open(settings, chosen)
    encoder_path, directory, provenance = encode.locate(
        settings,
        "multimodal",
        source,
        {**record_sets.pick(settings, _SETTINGS), **dataclasses.asdict(chosen)},
    )
    manifest = record_sets.standing(directory, provenance)
    if manifest:
        logging.info("records: reusing %s", directory)
        _log_details(manifest.details)
        return directory
    _build(settings, chosen, source, encoder_path, directory, provenance)
    return directory


def _open(
    settings: config.RecordsConfig, chosen: config.MultimodalConfig
) -> "examples.Corpus[examples.CaptionedImage]":
    from text2image.corpora import captioned_images, webvision

    source = captioned_images.open_samples(
        settings.dataset,
        data_dir=settings.data_dir or None,
        download=settings.download,
        keys=captioned_images.Keys(
            chosen.image_key,
            chosen.title_key,
            chosen.description_key,
            settings.label_key,
        ),
    )
    path = pathlib.Path(settings.dataset)
    if settings.split == "pooled" and webvision.is_webvision(path):
        # The paper draws from the noisy train part alone (3.1).
        source = dataclasses.replace(
            source, parts={"train": source.parts["train"]}
        )
    return source


def _build(
    settings: config.RecordsConfig,
    chosen: config.MultimodalConfig,
    source: "examples.Corpus[examples.CaptionedImage]",
    encoder_path: str,
    directory: pathlib.Path,
    provenance: dict[str, Any],
) -> None:
    import tqdm

    from text2image.bert import encoder
    from tfrecords import schema, writer
    from tfrecords.stages import image_survey

    logging.info("records: making %s", directory)
    found = image_survey.survey(source, drop=chosen.broken_images == "drop")
    source = found.without_broken(source)
    parts = _split(settings, chosen, source)
    totals = encode.count_examples(parts)
    count = sum(totals.values())
    bert = encoder.Encoder(
        encoder_path,
        layers=chosen.text_layers,
        max_tokens=settings.max_tokens,
        tokens_per_batch=settings.tokens_per_batch,
        length_step=encoder.length_step(count),
        pooling=chosen.pooling,
        dtype=settings.encoder_dtype,
    )
    record_schema = schema.multimodal_schema(
        math.prod(bert.stack_shape), parts.label_names
    )
    record_sets.check_space(
        settings,
        directory,
        count,
        record_schema,
        num_bytes=found.num_bytes,
    )
    size = settings.examples_per_shard
    num_shards = {name: -(-count // size) for name, count in totals.items()}
    details = {
        "audit": parts.audit,
        "missing": found.missing,
        "broken": found.broken,
        "encoder": encode.describe_encoder(
            bert, encoder_path, provenance["encoder_sha256"]
        ),
        "versions": record_sets.versions(),
    }
    _log_details(details)
    with (
        writer.RecordWriter(
            directory, record_schema, provenance, num_shards
        ) as records,
        tqdm.tqdm(total=count, unit="sample", desc="records") as progress,
    ):
        for name, index, samples in encode.deal_shards(source, parts, size):
            if not records.is_finished(name, index):
                records.write_shard(
                    name, index, _serialized(samples, bert, record_schema)
                )
            progress.update(len(samples))
        records.finish(
            f"Pictures, titles and descriptions of {source.name}.", details
        )


def _split(
    settings: config.RecordsConfig,
    chosen: config.MultimodalConfig,
    source: "examples.Corpus[examples.CaptionedImage]",
) -> "split.Split":
    from text2image.corpora import split

    def identity(item: "examples.CaptionedImage") -> str:
        # Samples without any text have none in common.
        by_text = chosen.split_by_text and item.text
        return f"text {item.text}" if by_text else f"id {item.id}"

    half = chosen.held_out / 2
    return split.split_corpus(
        source,
        protocol=settings.split,
        seed=settings.split_seed,
        limit_train=settings.limit_train,
        limit_validation=settings.limit_validation,
        shares={split.VALIDATION: half, split.TEST: half},
        identity=identity,
    )


def _serialized(
    samples: "list[examples.CaptionedImage]",
    bert: "encoder_lib.Encoder",
    record_schema: "schema.Schema",
) -> typing.Iterator[bytes]:
    from tfrecords import jpeg

    texts = [(item.title, item.description) for item in samples]
    vectors = np.zeros((len(samples), *record_schema.shape), np.float32)
    places = [
        (row, column)
        for row, pair in enumerate(texts)
        for column, text in enumerate(pair)
        if text
    ]
    stacks, _ = bert.encode([texts[row][column] for row, column in places])
    for (row, column), stack in zip(places, stacks, strict=True):
        vectors[row, column] = stack.ravel()
    for item, pair in zip(samples, vectors, strict=True):
        yield record_schema.serialize(
            item.id,
            record_schema.label_names.index(item.label),
            pair,
            image=jpeg.as_jpeg(item.read_image()),
            title=item.title,
            description=item.description,
        )


def _log_details(details: dict[str, Any]) -> None:
    audit = details["audit"]
    splits = ", ".join(
        f"{name} {sum(audit[name].values())}"
        for name in ("train", "validation", "test")
        if name in audit
    )
    logging.info(
        "corpus: %d samples of %d classes (%s); %d repeats in what the split "
        "goes by",
        audit["num_examples"],
        len(audit["train"]),
        splits,
        audit["repeats"]["all"],
    )
    for source, counts in details["missing"].items():
        for attribute in ("title", "description"):
            logging.info(
                "missing: %s, %s: %d (%.1f%%)",
                source,
                attribute,
                counts[attribute],
                100 * counts[attribute] / counts["samples"],
            )
    for entry in details["broken"]:
        logging.warning("dropped: %s", entry)
