"""The files that are read as rows, by suffix.

Every file is opened by its suffix, and what the suffix leaves open is guessed
from its beginning: see docs/guide/data.md.
"""

import dataclasses
import pathlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import BinaryIO

from text2image.corpora import (
    arrow_batches,
    arrow_files,
    columns,
    compression,
    delimited,
    encodings,
    fasttext,
    json_files,
    text_files,
)
from text2image.corpora.rows import (
    GUESSED,
    OF_DELIMITED,
    Fault,
    Reading,
    Row,
    refuse_unused,
)
from text2image.corpora.table import Table

# Suffix to the delimiter that it stands for.
DELIMITED_SUFFIXES = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
ARROW_SUFFIXES = (*arrow_batches.PARQUET_SUFFIXES, *arrow_files.ARROW_SUFFIXES)
SUFFIXES = (*DELIMITED_SUFFIXES, *JSON_SUFFIXES, *ARROW_SUFFIXES)
_CONVERTED = {
    ".xlsx": "Save it as CSV UTF-8 from Excel.",
    ".xls": "Save it as CSV UTF-8 from Excel.",
    ".ods": "Save it as CSV with the encoding UTF-8.",
    ".zst": "Decompress it with `zstd -d`.",
    ".tar": "Unpack it.",
    ".tgz": "Unpack it.",
    ".7z": "Unpack it.",
    ".rar": "Unpack it.",
}


def suffix_of(name: str | pathlib.Path) -> str:
    """Suffix in lower case, that of a compressed file's content.

    The content's name of a .zip file is only known when it is opened.
    """
    path = pathlib.PurePath(name)
    if path.suffix.lower() in compression.SUFFIXES:
        path = path.with_suffix("")
    return path.suffix.lower()


def is_table(name: str | pathlib.Path) -> bool:
    """Whether a name is one of a table, compressed or not."""
    return suffix_of(name) in SUFFIXES or str(name).lower().endswith(".zip")


def open_table(
    path: pathlib.Path, reading: Reading = GUESSED, prefix: str = ""
) -> Table:
    """Opens a file as a table.

    Args:
        path: The file.
        reading: The flags.
        prefix: Beginning of the rows' keys.

    Raises:
        FileNotFoundError: If it does not exist.
        ValueError: If it cannot be read, or a flag has no use for it.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"Expected a file. Received: {str(path)!r}, which does not exist."
        )
    suffix = pathlib.PurePath(compression.inner_name(path)).suffix.lower()
    if suffix in ARROW_SUFFIXES:
        refuse_unused(str(path), reading)
        return arrow_files.open_arrow(path, prefix)
    if suffix in _CONVERTED:
        raise ValueError(
            f"{path}: expected one of {', '.join(SUFFIXES)}. "
            f"{_CONVERTED[suffix]}"
        )
    file = text_files.examine(path, reading.encoding)
    if suffix in JSON_SUFFIXES:
        refuse_unused(str(path), reading, OF_DELIMITED)
        table, flags = json_files.open_json(file, prefix), []
    elif suffix in DELIMITED_SUFFIXES or reading.delimiter:
        table = delimited.open_delimited(
            file, DELIMITED_SUFFIXES.get(suffix, ""), reading, prefix
        )
        flags = ["delimiter", "quoting"] * bool(table.format)
    elif fasttext.is_fasttext(file):
        refuse_unused(str(path), reading, OF_DELIMITED)
        table, flags = fasttext.open_fasttext(file, prefix), []
    else:
        raise ValueError(
            f"{path}: expected one of {', '.join(SUFFIXES)}, also compressed "
            f"({', '.join(compression.SUFFIXES)}), or lines of fastText "
            f"({fasttext.PREFIX}CLASS text). Received: suffix {suffix!r}. If "
            "it has columns, name what separates them, as in --delimiter=tab."
        )
    return _described(path, file, table, flags)


def _described(
    path: pathlib.Path, file: text_files.TextFile, table: Table, flags: list
) -> Table:
    """Adds the encoding to what is said, in one line, and to the format."""
    words = list(table.guesses)
    details = dict(table.format)
    if file.encoding_guess:
        words.append(f"encoding {file.encoding} ({file.encoding_guess})")
        flags = [*flags, "encoding"]
    if file.encoding != encodings.UTF8:
        details["encoding"] = file.encoding
    if words:
        cure = " ".join(f"--{flag}" for flag in flags)
        words = [
            f"reading {path.name}: {', '.join(words)}"
            + (f"; overrule with {cure}" if cure else "")
        ]
    return dataclasses.replace(table, guesses=tuple(words), format=details)


def decoded_lines(name: str, stream: BinaryIO) -> Iterator[str]:
    """Decodes lines, line ends included, as strict UTF-8.

    A byte order mark is skipped.

    Raises:
        ValueError: If a byte is not UTF-8; names line, column and cure.
    """
    return strict(encodings.Lines(name, stream, encodings.UTF8))


def strict(lines: encodings.Lines) -> Iterator[str]:
    """Refuses the first line that cannot be decoded.

    Raises:
        ValueError: Names line, column and cure.
    """
    for line in lines:
        if lines.undecodable:
            raise ValueError(lines.fault(line).message)
        yield line


def read_rows(
    path: pathlib.Path,
    keys: Mapping[str, str],
    reading: Reading = GUESSED,
    others: Collection[str] = (),
    named: Iterable[tuple[str, str]] = (),
) -> Iterator[Row | Fault]:
    """Streams a file's rows under the keys that are asked for.

    Args:
        path: The file.
        keys: Flag name to the column or key that every row must have.
        reading: The flags that say how the file is read.
        others: Columns or keys that rows may have.
        named: Flag name and column of those that were asked for: a table must
            have them, and one object of JSON at least.

    Raises:
        FileNotFoundError: If it does not exist.
        ValueError: If a row lacks a key, or the file a column that was asked
            for; names file, line and cure.
    """
    asked = [*keys.values(), *others]
    table = open_table(
        path,
        dataclasses.replace(reading, text_key=",".join(asked), label_key=""),
    )
    if suffix_of(compression.inner_name(path)) in JSON_SUFFIXES:
        named = _lacking(table, dict(named))
    for flag, key in named:
        columns.find(str(path), table.columns, flag, key)
    # Headers may have blanks and capitals.
    spelled = {
        key: column
        for key in asked
        for column in table.columns
        if key not in table.columns
        and columns.folded(column) == columns.folded(key)
    }
    for row in table.read():
        if isinstance(row, Row):
            values = dict(row.values)
            values |= {
                key: values[column]
                for key, column in spelled.items()
                if column in values
            }
            check_keys(row.place, values, keys)
            row = dataclasses.replace(row, values=values)
        yield row


def _lacking(table: Table, named: dict[str, str]) -> list[tuple[str, str]]:
    """Those of the flags whose key no row has; reads until all are found."""
    for row in table.read() if named else ():
        if isinstance(row, Row):
            names = set(map(columns.folded, row.values))
            named = {
                flag: key
                for flag, key in named.items()
                if columns.folded(key) not in names
            }
        if not named:
            break
    return [*named.items()]


def check_keys(
    place: str, names: Collection[str], keys: Mapping[str, str]
) -> None:
    """Refuses a row or dataset that lacks a required key.

    Args:
        place: File and line, or dataset, for the message.
        names: Keys that exist.
        keys: Flag name to the key that is required.

    Raises:
        ValueError: If a key is missing; names those that exist and the flag.
    """
    for flag, key in keys.items():
        if key not in names:
            raise ValueError(
                f"{place}: no {key!r} among {columns.shown(names)}. Name the "
                f"right one with --{flag}."
            )
