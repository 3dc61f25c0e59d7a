"""Rows as a source holds them, rows that cannot be used, and how to read both.

A source (a file, a folder, a TFDS dataset) is a stream of `Row | Fault`. What
becomes of a fault is decided once, where the corpus is split: see `--bad_rows`.
"""

import dataclasses
import functools
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

# What can be wrong with a row, as `--bad_rows=drop` counts it.
EMPTY_TEXT = "empty text"
NO_LABEL = "no label"
NOT_DECODABLE = "not in the encoding"
LONE_SURROGATE = "lone surrogate"
TOO_FEW_FIELDS = "too few fields"
TOO_MANY_FIELDS = "too many fields"
NOT_A_ROW = "not a row"  # faulty JSON, faulty quotes, another type
NOT_FINITE = "not finite"
CAUSES = (
    EMPTY_TEXT,
    NO_LABEL,
    NOT_DECODABLE,
    LONE_SURROGATE,
    TOO_FEW_FIELDS,
    TOO_MANY_FIELDS,
    NOT_A_ROW,
    NOT_FINITE,
)


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a source.

    Attributes:
        place: Where it is, for messages: `reviews.csv, line 12`.
        key: Id of the row, unique in its source and stable across runs.
        values: Column or key to value; strings in CSV, any JSON value
            elsewhere; `None` for null.
    """

    place: str
    key: str
    values: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Fault:
    """A row that cannot be an example.

    Attributes:
        place: Where it is, for messages: `reviews.csv, line 12`.
        cause: One of `CAUSES`.
        message: The error: place, what was expected and received, the cure.
        content: The row as far as it can be shown, for `dropped.csv`.
    """

    place: str
    cause: str
    message: str
    content: str


def fault_of_text(place: str, name: str, value: Any) -> Fault | None:
    """What is wrong with a text or a label: its type, or a lone surrogate.

    Args:
        place: See `Fault`.
        name: What it is, for the message.
        value: The value of a row.
    """
    if value is None:
        message = f"{place}: the {name} is empty (null). Remove the row."
        return Fault(place, EMPTY_TEXT, message, "")
    if not isinstance(value, str):
        message = (
            f"{place}: the {name} must be a string. Received: "
            f"{type(value).__name__}"
        )
        return Fault(place, NOT_A_ROW, message, "")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        message = (
            f"{place}: the {name} contains a lone surrogate, which is not "
            "Unicode text. Remove or repair it."
        )
        return Fault(place, LONE_SURROGATE, message, "")
    return None


@dataclasses.dataclass(frozen=True)
class Reading:
    """How rows are read; what is empty is guessed from the data, and said.

    Attributes:
        text_key: Column or key of the text; several, separated by commas, are
            joined. `a.b` and `a/b` reach nested fields.
        label_key: Column or key of the label.
        encoding: Name of the character encoding, as Python knows it.
        delimiter: One character, or `tab`, `comma`, `semicolon`, `pipe`.
        quoting: One of `options.QUOTINGS`.
        columns: Names of the columns, separated by commas, of a file without
            a header line.
        train_split: Examples of a TFDS dataset that are the train part, in
            TFDS's notation, as in `train[:80%]`.
        validation_split: Likewise for the validation part.
    """

    text_key: str = ""
    label_key: str = ""
    encoding: str = ""
    delimiter: str = ""
    quoting: str = "auto"
    columns: str = ""
    train_split: str = ""
    validation_split: str = ""


GUESSED = Reading()
# Flags of text files, and those of delimited ones alone.
OF_DELIMITED = ("delimiter", "quoting", "columns")
OF_FILES = ("encoding", *OF_DELIMITED)


def refuse_unused(
    place: str, reading: Reading, names: Collection[str] = OF_FILES
) -> None:
    """Refuses flags without effect.

    Args:
        place: The file or dataset, for the message.
        reading: The flags.
        names: Those that have no effect there.

    Raises:
        ValueError: If one of them is set.
    """
    for name in names:
        if getattr(reading, name) != getattr(GUESSED, name):
            raise ValueError(
                f"{place}: --{name} has no use for this kind of data. Leave "
                "it out."
            )


@dataclasses.dataclass(frozen=True)
class RowSource:
    """An opened source of rows.

    Attributes:
        name: Name for file names and reports.
        parts: Part name (`train`, `validation`, `test`) to a function that
            starts a new stream of the part.
        columns: Names of the columns, or of the keys of the first rows.
        hash_files: Hashes the files it is read from.
        guesses: What was guessed, a line each, for the log.
        format: How it is read, as far as that differs from strict UTF-8 CSV,
            TSV or JSON lines by the file's suffix; part of the provenance of
            what is made from the rows.
        has_header: Whether a line of the file names the columns, which may be
            a row instead.
        class_names: Column to its class names in label order, where the source
            states them.
        not_text: Column to why it cannot be the text, where the source states
            types: `is no text but an Image`.
        not_label: Column to why it cannot be the label.
    """

    name: str
    parts: dict[str, Callable[[], Iterator[Row | Fault]]]
    columns: tuple[str, ...]
    hash_files: Callable[[], str]
    guesses: tuple[str, ...] = ()
    format: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    has_header: bool = False
    class_names: Mapping[str, tuple[str, ...]] = dataclasses.field(
        default_factory=dict
    )
    not_text: Mapping[str, str] = dataclasses.field(default_factory=dict)
    not_label: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def sha256(self) -> str:
        """Hash of the files; identifies the data."""
        return self.hash_files()
