"""Every setting that makes records, in one frozen dataclass.

A field's metadata is its flag: `help`, and `choices` where there are few.
This module imports nothing heavy, so that `--help` answers at once.
"""

import dataclasses
import functools
from typing import Any

from text2image import options
from tfrecords.settings import setting, validate

_common = functools.partial(setting, group="common")
_records = functools.partial(setting, group="records")
_map = functools.partial(setting, group="map")
_reproduction = functools.partial(setting, group="reproduction")

# Settings that came after records had been made, as those were made.
_YOUNGER = {"encoder_dtype": "float32"}


@dataclasses.dataclass(frozen=True)
class RecordsConfig:
    """How texts become records. See each field's help."""

    dataset: str = _common(
        "demo",
        "Corpus: demo (shipped with the package; texts without pictures), a "
        ".csv, .tsv or .jsonl file, a prepared TFDS directory, or a TFDS name "
        "such as imdb_reviews.",
    )
    data_dir: str = _records("", "Where TFDS keeps its datasets.")
    download: bool = _records(False, "Let TFDS download a missing dataset.")
    text_key: str = _common("text", "Column or key of the text.")
    label_key: str = _common("label", "Column or key of the label.")
    split: str = _records(
        "pooled",
        "pooled: all labelled texts together, 80/20, stratified and seeded "
        "(the paper's protocol). official: the corpus's own train and test.",
        options.SPLIT_PROTOCOLS,
    )
    split_seed: int = _records(0, "Seed of the split and of the limits.")
    limit_train: int = _records(0, "Most train texts, stratified; 0 for all.")
    limit_validation: int = _records(
        0, "Most validation texts, stratified; 0 for all."
    )
    encoder: str = _common(
        "mini",
        "BERT: mini (shipped with the package), a keras-hub preset name, or "
        "a keras-hub or Hugging Face directory.",
    )
    layers: str = _records(
        "last6",
        "Layers whose [CLS] vectors make the stack: lastN, or a range from "
        "0, ends included: 6-11 is the paper's text, 5-10 its code.",
    )
    max_tokens: int = _records(512, "Most tokens kept of a text.")
    tokens_per_batch: int = _records(
        512,
        "Tokens encoded at a time; changes the last bits only. Few stay in a "
        "processor's cache; a GPU wants thousands.",
    )
    encoder_dtype: str = _reproduction(
        "float32",
        "What the encoder computes in. bfloat16: other bytes, and less time "
        "where the hardware has it (GPUs, AVX-512 BF16).",
        options.ENCODER_DTYPES,
    )
    scaler: str = _map(
        "norm1",
        "Feature scaling: norm1 (min-max), norm2 (log), standard (mean +- 3 "
        "deviations).",
        options.SCALERS,
    )
    projection: str = _map(
        "tsne", "Features to the plane: tsne or pca.", options.PROJECTIONS
    )
    tsne_method: str = _reproduction(
        "exact",
        "exact: t-SNE over all pairs, compiled. barnes_hut: scikit-learn's "
        "approximation, which takes longer.",
        options.TSNE_METHODS,
    )
    metric: str = _reproduction(
        "euclidean",
        "t-SNE's distance between features.",
        options.TSNE_METRICS,
    )
    perplexity: float = _map(30.0, "t-SNE's perplexity.")
    tsne_init: str = _reproduction("pca", "t-SNE's start.", options.TSNE_INITS)
    tsne_learning_rate: float = _reproduction(
        0.0, "t-SNE's learning rate; 0: features / 48, at least 50."
    )
    tsne_iterations: int = _map(1000, "t-SNE's optimisation steps.")
    assignment: str = _map(
        "bin",
        "Places to pixels: bin (features that meet are averaged) or lsa "
        "(linear sum assignment: a pixel for every feature).",
        options.ASSIGNMENTS,
    )
    fill: str = _reproduction(
        "zero",
        "What pixels without a feature show: zero, or the nearest pixel's "
        "value.",
        options.FILLS,
    )
    layout: str = _reproduction(
        "fitted",
        "fitted, or shuffled: the features dealt out at random over the same "
        "pixels (does the layout matter?).",
        options.LAYOUTS,
    )
    channels: str = _map(
        "grey",
        "grey: one channel. layers: three, with the first, middle and last "
        "third of the layers.",
        tuple(options.NUM_CHANNELS),
    )
    image_height: int = _map(50, "Rows of a picture.")
    image_width: int = _map(50, "Columns of a picture.")
    compat: bool = _reproduction(
        False,
        "Reproduce pyDeepInsight's rectangle and orientation instead of the "
        "true minimum rectangle.",
    )
    map_seed: int = _reproduction(0, "Seed of t-SNE and of a shuffled layout.")
    records_dir: str = _records("records", "Where records are kept.")
    examples_per_shard: int = _records(2048, "Examples in a TFRecord file.")

    def __post_init__(self) -> None:
        """Refuses values that no run could use."""
        validate(
            self,
            least={
                "limit_train": 0,
                "limit_validation": 0,
                "max_tokens": 3,
                "tokens_per_batch": 1,
                "tsne_iterations": 300,  # 250 are early exaggeration
                "image_height": 1,
                "image_width": 1,
                "examples_per_shard": 1,
                "split_seed": 0,
                "map_seed": 0,
            },
        )


@dataclasses.dataclass(frozen=True)
class MultimodalConfig:
    """How pictures with texts become records, besides `RecordsConfig`.

    Of those, `dataset` to `split_seed`, the limits, the encoder with its
    tokens, and the place and size of shards hold here too.
    """

    image_key: str = _records(
        "image",
        "Column or feature of the picture; in files a path relative to the "
        "file.",
    )
    title_key: str = _records("title", "Column or feature of the title.")
    description_key: str = _records(
        "description", "Column or feature of the description."
    )
    held_out: float = _records(
        0.04,
        "Share of each class held out by --split=pooled, half for validation "
        "and half for test (the paper's 4%).",
    )
    split_by_text: bool = _records(
        False,
        "Keep samples of equal title and description on one side of the split.",
    )
    broken_images: str = _records(
        "refuse",
        "Pictures that are missing or cannot be read: refuse the corpus, or "
        "drop the samples; both name them.",
        ("refuse", "drop"),
    )
    pooling: str = _records(
        "cls",
        "A text's vector: of [CLS], or the mean over its tokens, in each of "
        "--text_layers.",
        options.POOLINGS,
    )
    text_layers: str = _records(
        "last1",
        "Layers of the encoder whose vectors, one behind the other, are a "
        "text's: last1 (any count), or a range 0-5 (from 0, both ends "
        "included).",
    )

    def __post_init__(self) -> None:
        """Refuses values that no build could use."""
        validate(self, least={})
        if not 0 < self.held_out < 1:
            raise ValueError(
                f"--held_out must be in (0, 1). Received: {self.held_out}"
            )


def without_younger(settings: dict[str, Any]) -> dict[str, Any]:
    """Drops settings that others are older than, where they change nothing.

    So that records and runs from before keep their fingerprints.
    """
    return {
        name: value
        for name, value in settings.items()
        if (name, value) not in _YOUNGER.items()
    }
