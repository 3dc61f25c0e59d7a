"""The texts of a corpus in memory, by side."""

import dataclasses

import numpy as np

from text2image.corpora.texts import open_corpus
from tfrecords.config import RecordsConfig
from tfrecords.settings import fingerprint
from tfrecords.stages import audit_log, dealing, encoded_records, record_sets
from tfrecords.stages.stacks import SETTINGS

# Settings of the records that say nothing about the texts.
_OF_STACKS = (
    *("layers", "max_tokens", "tokens_per_batch", "encoder_engine"),
    *("encoder_dtype", "examples_per_shard"),
)


@dataclasses.dataclass(frozen=True)
class Side:
    """One side of a corpus.

    Attributes:
        ids: N ids, unique in the corpus.
        texts: N texts.
        labels: `(N,)` int64.
    """

    ids: list[str]
    texts: list[str]
    labels: np.ndarray


@dataclasses.dataclass(frozen=True)
class Texts:
    """Both sides.

    Attributes:
        train: The train side.
        validation: The validation side.
        label_names: Class names in label order.
        corpus: Name of the corpus.
        fingerprint: Of the corpus and all settings that choose its texts.
    """

    train: Side
    validation: Side
    label_names: tuple[str, ...]
    corpus: str
    fingerprint: str


def read(settings: RecordsConfig) -> Texts:
    """Reads the texts that records of these settings would hold.

    Raises:
        ValueError: If the corpus is refused.
    """
    source = open_corpus(
        settings.dataset,
        data_dir=settings.data_dir or None,
        download=settings.download,
        reading=settings.reading,
    )
    parts = dealing.split(settings, source)
    audit_log.log_texts(parts.audit)
    names = [name for name in SETTINGS if name not in _OF_STACKS]
    provenance = {
        "corpus": source.name,
        "corpus_sha256": source.sha256,
        **record_sets.pick(settings, tuple(names)),
        **source.reading,
    }
    sides = {
        "train": Side([], [], np.zeros(0)),
        "validation": Side([], [], np.zeros(0)),
    }
    labels: dict[str, list[int]] = {name: [] for name in sides}
    size = settings.examples_per_shard
    for split, _, examples in encoded_records.deal_shards(source, parts, size):
        for example in examples:
            sides[split].ids.append(example.id)
            sides[split].texts.append(example.text)
            labels[split].append(parts.label_index[example.label])
    train, validation = (
        dataclasses.replace(side, labels=np.array(labels[name], np.int64))
        for name, side in sides.items()
    )
    return Texts(
        train,
        validation,
        parts.label_names,
        source.name,
        fingerprint(provenance),
    )
