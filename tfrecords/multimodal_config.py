"""Settings that make multimodal records, and which of the others apply.

A field's metadata describes its flag. This module imports nothing heavy, so
that `--help` answers at once.
"""

import dataclasses
import functools
import keyword
import re
from typing import Any

from text2image import options
from text2image.corpora.examples import CAPTIONS
from tfrecords import ranges
from tfrecords.config import RecordsConfig
from tfrecords.settings import setting, validate

_records = functools.partial(setting, group="records")

_TEXT_FIELDS = ",".join(CAPTIONS)
# Of a modality: other words are no names of features.
NAME = re.compile(r"[a-z][a-z0-9_]*")
# Names of other features of records, of other parts of a network, and of other
# keys where texts are keys: in manifests, an index and its rows, explanations.
_TAKEN = {
    *("id", "label", "image", "text_vectors", "present", "fused", "head"),
    *("samples", "split", "score", "margin", "probabilities", "baseline"),
    *("modalities", "region", "self"),
}


@dataclasses.dataclass(frozen=True)
class MultimodalConfig:
    """Settings that turn captioned images into records.

    Used together with a `RecordsConfig`, of which everything but
    `MULTIMODAL_IGNORES` applies.
    """

    image_key: str = _records(
        "image",
        "Column or feature of the image; in a file its values are paths "
        "relative to that file.",
    )
    title_key: str = _records("title", "Column or feature of the title.")
    description_key: str = _records(
        "description", "Column or feature of the description."
    )
    text_fields: str = _records(
        _TEXT_FIELDS,
        "Texts of a sample, separated by commas: title, description, and "
        "columns or features of further ones, such as tags.",
    )
    held_out: float = _records(
        0.04,
        "Share held out by --split=pooled, of each class, or --split=hashed, "
        "of the samples: half for validation, half for test (the paper's 4%).",
        ranges.Range(above=0, below=1),
    )
    split_by_text: bool = _records(
        False,
        "Keep samples with equal title and description in one split.",
    )
    broken_images: str = _records(
        "refuse",
        "What to do about images that are missing or cannot be read: refuse "
        "the corpus, or drop the samples. Both list them.",
        ("refuse", "drop"),
    )
    pooling: str = _records(
        "cls",
        "Vector of a text in each of --text_layers: its [CLS] vector, the mean "
        "or maximum over its tokens, or (first_last) the mean over tokens of "
        "the first and the last layer: one vector, without --text_layers.",
        options.POOLINGS,
    )
    text_layers: str = _records(
        "last1",
        "Encoder layers whose vectors are concatenated: lastN, all, or a range "
        "such as 0-5, counted from 0, both ends included.",
    )

    def __post_init__(self) -> None:
        """Refuses values that no build could use."""
        validate(self)
        fields = self.fields
        if (
            fields[:2] != CAPTIONS
            or len(set(fields)) < len(fields)
            or not all(map(NAME.fullmatch, fields))
            or set(fields) & _TAKEN
            # Texts are arguments of an export's functions.
            or any(map(keyword.iskeyword, fields))
        ):
            raise ValueError(
                f"--text_fields must be {_TEXT_FIELDS} and further names, each "
                "once: small letters, digits and underscores, no word of "
                f"Python's and none of {', '.join(sorted(_TAKEN))}. Received: "
                f"{self.text_fields!r}. "
                "Rename the column, as --title_key names that of the title."
            )

    @property
    def fields(self) -> tuple[str, ...]:
        """The texts, title and description first."""
        return tuple(self.text_fields.split(","))

    @property
    def further(self) -> tuple[str, ...]:
        """The texts besides title and description."""
        return self.fields[2:]

    @property
    def provenance(self) -> dict[str, Any]:
        """What records depend on; fingerprints of earlier ones stay."""
        value = dataclasses.asdict(self)
        if not self.further:
            del value["text_fields"]
        return value


# Fields of `RecordsConfig` that multimodal records depend on, besides corpus
# and encoder.
MULTIMODAL_SETTINGS = (
    "label_key",
    "encoding",
    "delimiter",
    "quoting",
    "columns",
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
    "max_tokens",
    "tokens_per_batch",
    "encoder_engine",
    "encoder_dtype",
    "examples_per_shard",
)
# Of these and `MultimodalConfig`, those that a SavedModel as encoder leaves
# without effect.
BERT_SETTINGS = (
    "max_tokens",
    "tokens_per_batch",
    "encoder_engine",
    "encoder_dtype",
    "pooling",
    "text_layers",
)
# Fields without effect on multimodal records: the pixel map, and what
# `MultimodalConfig` has fields of its own for.
MULTIMODAL_IGNORES = tuple(
    field.name
    for field in dataclasses.fields(RecordsConfig)
    if field.name
    not in (
        *MULTIMODAL_SETTINGS,
        "dataset",
        "data_dir",
        "download",
        "encoder",
        "max_bad_rows",
        "records_dir",
        "pooling",
    )
)
# Help of the shared fields that differ for multimodal records.
MULTIMODAL_HELPS = {
    "dataset": (
        "Captioned images: a .jsonl, .csv, .tsv or .parquet file with a column "
        "of images or their paths, a directory with a folder of images per "
        "class or in WebVision's layout, a prepared TFDS directory, or a TFDS "
        "name. There is no demo."
    ),
    "encoder": (
        "What makes vectors of texts: mini (shipped with the package), the "
        "directory of a BERT (Hugging Face's, Google's, "
        "sentence-transformers', keras-hub's) or of a TensorFlow SavedModel "
        "that maps strings to vectors, such as a Universal Sentence Encoder, "
        "hf://OWNER/NAME, or the name of a keras-hub preset. Default: mini."
    ),
    "label_key": "Column or feature of the label. Default: label.",
    "split": (
        "pooled: all labelled samples together, --held_out of each class held "
        "out, seeded (the paper's protocol). official: the corpus's own "
        "splits. hashed: the side of a sample is a hash of its text or id. "
        "Default: pooled."
    ),
    "limit_train": (
        "Use at most this many train samples, stratified; 0: all. Default: 0."
    ),
    "limit_validation": (
        "Use at most this many validation samples, stratified; 0: all. "
        "Default: 0."
    ),
}
