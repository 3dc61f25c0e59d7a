"""Captioned images to `multimodal` records."""

import dataclasses
import functools
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tqdm
from absl import logging

from text2image.bert import headers
from text2image.corpora import captioned_images, split, webvision
from text2image.corpora.examples import CAPTIONS, CaptionedImage, Corpus
from tfrecords import jpeg, schema
from tfrecords.config import RecordsConfig
from tfrecords.multimodal_config import (
    BERT_SETTINGS,
    MULTIMODAL_SETTINGS,
    MultimodalConfig,
)
from tfrecords.stages import (
    audit_log,
    encoded_records,
    record_sets,
    text_vectors,
    unknown_tokens,
)
from tfrecords.stages.image_survey import survey_images
from tfrecords.stages.text_vectors import TextVectors
from tfrecords.stages.tokens_ahead import tokenize_ahead
from tfrecords.writer import RecordWriter


def prepare_multimodal(
    settings: RecordsConfig, chosen: MultimodalConfig
) -> pathlib.Path:
    """Encodes titles and descriptions, unless these records already exist.

    Memory holds the samples of a few shards, whatever the size of the corpus.
    Images of a file corpus are identified by their paths, not their bytes:
    delete the records after changing images under the same names.

    Returns:
        The directory of the `multimodal` records.

    Raises:
        ValueError: If images are missing or broken and their samples must not
            be dropped; lists them.
    """
    is_bert = not headers.is_saved_model(settings.encoder)
    if is_bert:
        settings = encoded_records.resolve(settings)
    source = _open(settings, chosen)
    depends_on = {
        **record_sets.pick(settings, MULTIMODAL_SETTINGS),
        **chosen.provenance,
    }
    if not is_bert:
        for name in BERT_SETTINGS:
            depends_on.pop(name, None)
    target = encoded_records.locate(settings, "multimodal", source, depends_on)
    if is_bert:
        encoded_records.check_encoder(
            settings, target, chosen.text_layers, chosen.pooling
        )
    manifest = record_sets.existing(target.directory, target.provenance)
    if manifest:
        logging.info("records: reusing %s", target.directory)
        _log_details(manifest.details)
        _log_unknown(manifest.details)
    else:
        logging.info("records: making %s", target.directory)
        _build(settings, chosen, source, target)
    return target.directory


def _open(
    settings: RecordsConfig, chosen: MultimodalConfig
) -> Corpus[CaptionedImage]:
    source = captioned_images.open_captioned_images(
        settings.dataset,
        data_dir=settings.data_dir or None,
        download=settings.download,
        keys=captioned_images.Keys(
            chosen.image_key,
            chosen.title_key,
            chosen.description_key,
            settings.label_key or "label",
            settings.reading,
            chosen.further,
        ),
    )
    path = pathlib.Path(settings.dataset)
    if settings.split != "official" and webvision.is_webvision(path):
        # The paper uses the noisy train part alone (section 3.1).
        source = dataclasses.replace(
            source, parts={"train": source.parts["train"]}
        )
    return source


def _build(
    settings: RecordsConfig,
    chosen: MultimodalConfig,
    source: Corpus[CaptionedImage],
    target: encoded_records.Target,
) -> None:
    survey = survey_images(
        source, drop=chosen.broken_images == "drop", names=chosen.fields
    )
    _check_texts(survey.missing, chosen)
    source = survey.without_broken(source)
    parts = _split(settings, chosen, source)
    encoder = text_vectors.build(settings, chosen, target)
    shards = functools.partial(
        encoded_records.deal_shards, source, parts, settings.examples_per_shard
    )
    encoder.check(
        text
        for _, _, samples in shards()
        for sample in samples
        for text in _texts(sample)
    )
    record_schema = schema.multimodal_schema(
        encoder.size, parts.label_names, chosen.further
    )
    total = sum(encoded_records.count_examples(parts).values())
    record_sets.check_space(
        settings,
        target.directory,
        total,
        record_schema,
        num_bytes=survey.num_bytes,
    )
    writer = RecordWriter(
        target.directory,
        record_schema,
        target.provenance,
        encoded_records.count_shards(settings, parts),
    )
    encoder.prepare(len(chosen.fields) * total)
    details = {
        **encoder.details(parts.audit),
        "missing": survey.missing,
        "broken": survey.broken,
    }
    _log_details(details)
    audit_log.log_faults(parts.faults, target.directory)
    with (
        writer as records,
        tqdm.tqdm(total=total, unit="sample", desc="records") as progress,
    ):
        with encoded_records.dropped_rows(records, parts.faults) as on_fault:
            for name, index, samples, tokens in tokenize_ahead(
                encoder, shards(on_fault=on_fault), _texts
            ):
                if not records.is_finished(name, index):
                    serialized = _serialized(
                        samples,
                        tokens,
                        encoder,
                        record_schema,
                        parts.label_index,
                    )
                    records.write_shard(name, index, serialized)
                progress.update(len(samples))
        details |= encoder.shares()
        records.finish(f"Images, {_listed(chosen)} of {source.name}.", details)
    _log_unknown(details)


def _texts(sample: CaptionedImage) -> list[str]:
    """The texts that it has, in the order of the records' fields."""
    return [text for text in sample.texts.values() if text]


def _listed(chosen: MultimodalConfig) -> str:
    """`titles and descriptions`, or `titles, descriptions and tags`."""
    names = ["titles", "descriptions", *chosen.further]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _check_texts(
    missing: Mapping[str, Mapping[str, int]], chosen: MultimodalConfig
) -> None:
    """Refuses the name of a text that no sample has: it is misspelt."""
    flags = {name: ("text_fields", name) for name in chosen.further}
    for name in CAPTIONS:
        key = getattr(chosen, f"{name}_key")
        if key != name:
            flags[name] = (f"{name}_key", key)
    for name, (flag, key) in flags.items():
        if all(
            counts[name] == counts["samples"] for counts in missing.values()
        ):
            raise ValueError(
                f"--{flag}={getattr(chosen, flag)}: no sample has a text in "
                f"{key!r}. Name a column or key of the corpus, or leave it "
                "out."
            )


def _split(
    settings: RecordsConfig,
    chosen: MultimodalConfig,
    source: Corpus[CaptionedImage],
) -> split.Split:
    def identity(sample: CaptionedImage) -> str:
        # Samples without any text have no text in common.
        by_text = chosen.split_by_text and sample.text
        return f"text {sample.text}" if by_text else f"id {sample.id}"

    half = chosen.held_out / 2
    return split.split_corpus(
        source,
        protocol=settings.split,
        seed=settings.split_seed,
        limit_train=settings.limit_train,
        limit_validation=settings.limit_validation,
        shares={split.VALIDATION: half, split.TEST: half},
        identity=identity,
        selection=encoded_records.selection(settings),
    )


def _serialized(
    samples: list[CaptionedImage],
    tokens: Any,
    encoder: TextVectors,
    record_schema: schema.Schema,
    label_index: Mapping[str | None, int],
) -> Iterator[bytes]:
    fields = record_schema.text_fields
    texts = [
        [sample.texts.get(name, "") for name in fields] for sample in samples
    ]
    vectors = np.zeros((len(samples), *record_schema.shape), np.float32)
    positions = [
        (row, column)
        for row, its_texts in enumerate(texts)
        for column, text in enumerate(its_texts)
        if text
    ]
    encoded = encoder.encode(tokens)
    for (row, column), vector in zip(positions, encoded, strict=True):
        vectors[row, column] = vector
    for sample, its_vectors in zip(samples, vectors, strict=True):
        yield record_schema.serialize(
            sample.id,
            label_index[sample.label],
            its_vectors,
            image=jpeg.as_jpeg(sample.read_image()),
            **{name: sample.texts.get(name, "") for name in fields},
        )


def _log_unknown(details: dict[str, Any]) -> None:
    if "unknown_share" in details:
        logging.info(
            "records: %.1f%% of the tokens unknown",
            100 * details["unknown_share"],
        )
        unknown_tokens.warn(details["unknown_share"])


def _log_details(details: dict[str, Any]) -> None:
    audit = details["audit"]
    splits = ", ".join(
        f"{name} {sum(audit[name].values())}"
        for name in schema.SPLITS
        if name in audit
    )
    logging.info(
        "corpus: %d samples of %d classes (%s); %d repeats by the key of the "
        "split%s",
        audit["num_examples"],
        len(audit["train"]),
        splits,
        audit["repeats"]["all"],
        audit_log.exceptions(audit, "sample"),
    )
    audit_log.warn(audit)
    for source, counts in details["missing"].items():
        names = dict.fromkeys((*CAPTIONS, *counts))
        for attribute in (name for name in names if name != "samples"):
            logging.info(
                "missing: %s, %s: %d (%.1f%%)",
                source,
                attribute,
                counts[attribute],
                100 * counts[attribute] / counts["samples"],
            )
    for entry in details["broken"]:
        logging.warning("dropped: %s", entry)
