"""Settings that say which texts are read, how, and on which side they are.

A field's metadata describes its flag. This module imports nothing heavy, so
that `--help` answers at once.
"""

import dataclasses
import functools

from text2image import options
from text2image.corpora import class_names, hashed
from text2image.corpora.rows import Reading
from tfrecords import ranges
from tfrecords.settings import setting, validate

_common = functools.partial(setting, group="common")
_records = functools.partial(setting, group="records")


@dataclasses.dataclass(frozen=True)
class CorpusConfig:
    """Settings of texts, labels and split. See each field's help."""

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

    @property
    def reading(self) -> Reading:
        """The settings that say how rows are read."""
        names = [field.name for field in dataclasses.fields(Reading)]
        return Reading(**{name: getattr(self, name) for name in names})

    def __post_init__(self) -> None:
        """Refuses values that no run could use, of all fields."""
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
