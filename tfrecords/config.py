"""Every setting that makes records, in a frozen dataclass.

A field's metadata describes its flag. This module imports nothing heavy, so
that `--help` answers at once.
"""

import dataclasses
import functools
from typing import Any, Self

from text2image import options
from text2image.corpora import class_names, hashed
from text2image.corpora.rows import Reading
from tfrecords import presets, ranges
from tfrecords.settings import of_preset, setting, validate

_common = functools.partial(setting, group="common")
_records = functools.partial(setting, group="records")
_map = functools.partial(setting, group="map")
_reproduction = functools.partial(setting, group="reproduction")

# Settings added after records already existed, with the value that those were
# built with; left out of fingerprints.
_ADDED_LATER = {
    "encoder_dtype": "float32",
    "encoder_engine": "tensorflow",
    "encoding": "",
    "delimiter": "",
    "quoting": "auto",
    "columns": "",
    "label_map": "",
    "merge_labels": False,
    "bad_rows": "refuse",
    "max_bad_rows": 0.05,
    "min_class_size": 0,
    "train_split": "",
    "validation_split": "",
    "stacks": "",
    "pooling": "cls",
    "long_texts": "cut",
    "clean": "none",
}
# Keys that are found in the data, and what the device decides, unless they are
# given: with the values that they had before; fingerprints of settings hold
# these.
_FORMER_DEFAULTS = {
    ("text_key", ""): "text",
    ("label_key", ""): "label",
    ("tokens_per_batch", 0): 512,
    ("encoder_dtype", "auto"): "float32",
    ("encoder_engine", "auto"): "tensorflow",
}


@dataclasses.dataclass(frozen=True)
class RecordsConfig:
    """Settings that turn texts into records. See each field's help."""

    dataset: str = _common(
        "demo",
        "Corpus of labelled texts: demo (shipped with the package), a file "
        "(CSV, TSV, JSON, Parquet, Arrow, fastText; also compressed), a folder "
        "of such files or of a folder of texts per class, a prepared TFDS "
        "directory, or a TFDS name such as imdb_reviews.",
    )
    data_dir: str = _records(
        "", "Where TFDS keeps its datasets; by default where TFDS decides."
    )
    download: bool = _records(False, "Let TFDS download a missing dataset.")
    text_key: str = _common(
        "",
        "Column or key of the text; several, as in title,description, are "
        "joined by a line break; a.b reaches into nested fields. By default "
        "the one column that is named text, review, sentence or the like.",
    )
    label_key: str = _common(
        "",
        "Column or key of the label. By default the one column that is named "
        "label, sentiment, category or the like.",
    )
    encoding: str = _records(
        "",
        "Character encoding of a file, such as cp1252. By default UTF-8, or "
        "what a byte-order mark says.",
    )
    delimiter: str = _records(
        "",
        "What separates the fields of a text file: one character, or comma, "
        "tab, semicolon or pipe. By default as the file's first lines say.",
    )
    quoting: str = _records(
        "auto",
        "Quotes inside quoted fields of a file: doubled, escaped by a "
        "backslash, or none: quotes have no meaning. auto: as the file's "
        "first lines say.",
        options.QUOTINGS,
    )
    columns: str = _records(
        "",
        "Names of the columns, as in label,text, of a file without a header "
        "line; a first line of known names is skipped.",
    )
    label_map: str = _records(
        "",
        "New names of labels, as in 0:neg,4:pos; labels with one name become "
        "one class, and an empty name (N/A:) leaves the rows out as "
        "unlabelled.",
    )
    merge_labels: bool = _records(
        False,
        "Make one class of labels that differ only in case, blanks, invisible "
        "characters or the form of a number, under the most frequent spelling.",
    )
    bad_rows: str = _records(
        "refuse",
        "What to do about rows that cannot be used (empty, unlabelled, not "
        "decodable, with too few or too many fields): refuse the corpus, or "
        "drop the rows and list them in dropped.csv.",
        options.BAD_ROWS,
    )
    max_bad_rows: float = _records(
        0.05,
        "Largest share of rows that --bad_rows=drop may drop.",
        ranges.FRACTION,
    )
    min_class_size: int = _records(
        0,
        "Leave out classes with fewer texts than this; 0: none.",
        ranges.LIMIT,
    )
    split: str = _records(
        "pooled",
        "pooled: all labelled texts together, 80/20, stratified and seeded "
        "(the paper's protocol). official: the corpus's own splits. hashed: "
        "the side of a text is a hash of it, 80/20 within sampling error, for "
        "corpora of which no machine can hold an index.",
        options.SPLIT_PROTOCOLS,
    )
    train_split: str = _records(
        "",
        "With --split=official, examples of a TFDS dataset to train on, in "
        "TFDS's notation: train[:80%], train+extra. By default the split that "
        "is named train.",
    )
    validation_split: str = _records(
        "",
        "With --split=official, examples of a TFDS dataset to validate on, "
        "such as train[80%:]. By default the split that is named validation "
        "or dev, or else test.",
    )
    split_seed: int = _records(
        0, "Seed of the split and of the limits.", ranges.SEED
    )
    limit_train: int = _records(
        0,
        "Use at most this many train texts, stratified; 0: all.",
        ranges.LIMIT,
    )
    limit_validation: int = _records(
        0,
        "Use at most this many validation texts, stratified; 0: all.",
        ranges.LIMIT,
    )
    encoder: str = _common(
        "mini",
        "BERT: mini (shipped with the package), a directory (Hugging Face's, "
        "Google's, sentence-transformers', keras-hub's), hf://OWNER/NAME, or "
        "the name of a keras-hub preset.",
    )
    stacks: str = _records(
        "",
        "Vectors that are drawn instead of an encoder's: a finished directory "
        "of cls records, or an .npz or .parquet file of vectors with labels "
        "(docs/guide/data.md).",
    )
    layers: str = _records(
        "last6",
        "Layers whose vectors (--pooling) make up the stack: lastN, all, or a "
        "range such as 6-11, counted from 0, both ends included. The paper's "
        "text uses 6-11, its code 5-10.",
    )
    pooling: str = _records(
        "cls",
        "Vector of a text in a layer: its [CLS] vector, the mean or maximum "
        "over its tokens, or (first_last) the mean over tokens of the first "
        "and the last layer: one vector, without --layers.",
        options.POOLINGS,
    )
    max_tokens: int = _records(
        512,
        "Most tokens of a text, [CLS] and [SEP] included.",
        ranges.Range(least=3, most=2**15),
    )
    long_texts: str = _records(
        "cut",
        "What is kept of a text of more than --max_tokens. cut: its start. "
        "head_tail: its start and its end, 128 and 382 tokens of 510, in this "
        "ratio for any --max_tokens. windows: all of it, in up to 64 windows "
        "whose vectors are averaged.",
        options.LONG_TEXTS,
    )
    clean: str = _records(
        "none",
        "What is taken out of a text before its tokens are counted. html: tags "
        "such as <br />, and entities become their characters. basic: URLs "
        "too, and lower case.",
        options.CLEANINGS,
    )
    tokens_per_batch: int = _records(
        0,
        "Tokens encoded at a time; changes only the last bits of the vectors. "
        "0: by device: 512 on a CPU (1024 with OpenVINO), 4,096 to 65,536 on a "
        "GPU, by its memory.",
        ranges.Range(least=0, most=2**24),
    )
    encoder_engine: str = _records(
        "auto",
        "What computes the encoder. auto: openvino on CPUs if it is "
        "installed (pip install 'text-as-image[fast-cpu]'), for "
        "encoders of hidden size 384 and more; else tensorflow.",
        options.ENCODER_ENGINES,
    )
    encoder_dtype: str = _reproduction(
        "auto",
        "Type the encoder computes in. bfloat16 gives different vectors, in "
        "less time where the hardware supports it. auto: bfloat16 on GPUs that "
        "have it (compute capability 8.0) and where openvino uses a CPU's "
        "units, else float32.",
        options.ENCODER_DTYPES,
    )
    scaler: str = _map(
        "norm1",
        "Feature scaling: norm1 (min-max), norm2 (log), standard (mean +- 3 "
        "standard deviations).",
        options.SCALERS,
    )
    projection: str = _map(
        "tsne",
        "Projection of features to 2-D: t-SNE, PCA, kernel PCA (Gaussian), "
        "UMAP (pip install 'text-as-image[umap]'), or random positions.",
        options.PROJECTIONS,
    )
    tsne_method: str = _reproduction(
        "exact",
        "exact: t-SNE over all pairs, compiled. barnes_hut: scikit-learn's "
        "approximation, as in the published code; takes longer.",
        options.TSNE_METHODS,
    )
    metric: str = _reproduction(
        "euclidean",
        "Distance between features in t-SNE.",
        options.TSNE_METRICS,
    )
    perplexity: float = _map(
        30.0, "t-SNE's perplexity.", ranges.Range(above=0, most=10**5)
    )
    tsne_init: str = _reproduction(
        "pca", "Points that t-SNE starts from.", options.TSNE_INITS
    )
    tsne_learning_rate: float = _reproduction(
        0.0,
        "t-SNE's learning rate; 0: the number of features / 48, at least 50.",
        ranges.Range(least=0, most=10**6),
    )
    tsne_iterations: int = _map(
        1000,
        "t-SNE's optimisation steps.",
        # 250 are early exaggeration.
        ranges.Range(least=300, most=10**6),
    )
    assignment: str = _map(
        "bin",
        "How projected features get pixels: bin (features that share a pixel "
        "are averaged) or lsa (linear sum assignment: a pixel per feature).",
        options.ASSIGNMENTS,
    )
    fill: str = _reproduction(
        "zero",
        "Value of pixels without a feature: zero, or the nearest pixel's.",
        options.FILLS,
    )
    layout: str = _reproduction(
        "fitted",
        "fitted, or shuffled: the same pixels, features assigned to them at "
        "random (does the layout matter?).",
        options.LAYOUTS,
    )
    channels: str = _map(
        "grey",
        "grey: one channel. layers: three, for the first, middle and last "
        "third of the layers.",
        tuple(options.NUM_CHANNELS),
    )
    image_height: int = _map(50, "Rows of an image.", ranges.SIDE)
    image_width: int = _map(50, "Columns of an image.", ranges.SIDE)
    compat: bool = _reproduction(
        False,
        "Reproduce pyDeepInsight's rectangle and orientation instead of "
        "using the true minimum rectangle.",
    )
    map_seed: int = _reproduction(
        0,
        "Seed of t-SNE, of --projection=umap and random, and of "
        "--layout=shuffled.",
        ranges.SEED,
    )
    records_dir: str = _records("records", "Directory of records; also gs://.")
    examples_per_shard: int = _records(
        2048, "Examples per TFRecord file.", ranges.EXAMPLES
    )

    @classmethod
    def preset(cls, name: str, **changes: Any) -> Self:
        """Returns the settings that `--preset` names, with changes.

        Raises:
            ValueError: If there is no such preset, or a value is refused.
        """
        return of_preset(cls, presets.RECORDS, name, changes)

    @property
    def reading(self) -> Reading:
        """The settings that say how rows are read."""
        names = [field.name for field in dataclasses.fields(Reading)]
        return Reading(**{name: getattr(self, name) for name in names})

    def __post_init__(self) -> None:
        """Refuses values that no run could use."""
        validate(self)
        class_names.parse_map(self.label_map)
        hashed.check_limits(
            self.split,
            {
                "limit_train": self.limit_train,
                "limit_validation": self.limit_validation,
            },
        )
        for name in ("train_split", "validation_split"):
            asked = getattr(self, name)
            if asked and self.split != "official":
                raise ValueError(
                    f"--{name}={asked} needs --split=official. Received: "
                    f"--split={self.split}. Add the one or omit the other."
                )


def without_added_later(settings: dict[str, Any]) -> dict[str, Any]:
    """Drops settings added later with their old value: fingerprints stay."""
    former = {
        name: _FORMER_DEFAULTS.get((name, value), value)
        for name, value in settings.items()
    }
    return {
        name: value
        for name, value in former.items()
        if (name, value) not in _ADDED_LATER.items()
    }
