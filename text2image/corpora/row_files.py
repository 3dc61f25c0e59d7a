"""A strict reader of CSV, TSV and JSON lines files.

Rows are dictionaries, one in memory at a time. Nothing is guessed: "NA" and
"null" stay text, and errors name file and line.
"""

import csv
import json
import pathlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any, BinaryIO

SUFFIXES = (".csv", ".tsv", ".jsonl")


def read_rows(
    path: pathlib.Path, keys: Mapping[str, str]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Streams a file's rows, each with the line at which it starts, from 1.

    Args:
        path: A .csv or .tsv file with a header, or .jsonl, one object per line.
            UTF-8; a byte order mark is skipped.
        keys: Flag name to the column or key that every row must have.

    Raises:
        ValueError: If a line is faulty; names file, line and cure.
    """
    with path.open("rb") as stream:
        lines = decoded_lines(str(path), stream)
        if path.suffix == ".jsonl":
            yield from _json_rows(path, lines, keys)
        else:
            delimiter = "\t" if path.suffix == ".tsv" else ","
            yield from _csv_rows(path, lines, delimiter, keys)


def decoded_lines(name: str, stream: BinaryIO) -> Iterator[str]:
    """Decodes lines, line ends included, as strict UTF-8.

    A byte order mark is skipped.

    Raises:
        ValueError: If a byte is not UTF-8; names line and column.
    """
    for number, line in enumerate(stream, start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{name}, line {number}: expected UTF-8. Received: byte "
                f"0x{line[error.start]:02x} at column {error.start + 1}. "
                "Convert the file, e.g. iconv -f latin1 -t utf-8"
            ) from error


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
                f"{place}: no {key!r} among {list(names)}. Name the right one "
                f"with --{flag}."
            )


def _csv_rows(
    path: pathlib.Path,
    lines: Iterator[str],
    delimiter: str,
    keys: Mapping[str, str],
) -> Iterator[tuple[int, dict[str, Any]]]:
    csv.field_size_limit(1 << 30)  # a field is a text, however long
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    start = 1  # line at which a row starts; a quoted field may span several
    try:
        names = next(reader, None)
        if names is None:
            raise ValueError(
                f"{path}, line 1: expected a header. Received: an empty file."
            )
        check_keys(f"{path}, line {start}", names, keys)
        start = reader.line_num + 1
        for fields in reader:
            if fields:  # not a blank line
                if len(fields) != len(names):
                    raise ValueError(
                        f"{path}, line {start}: expected {len(names)} fields. "
                        f"Received: {len(fields)}. Quote fields that contain "
                        "the delimiter."
                    )
                yield start, dict(zip(names, fields, strict=True))
            start = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{path}, line {start}: not valid CSV ({error}). Quote fields "
            'that contain quotes or newlines, and double the quotes: "".'
        ) from error


def _json_rows(
    path: pathlib.Path, lines: Iterator[str], keys: Mapping[str, str]
) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"{path}, line {number}: expected one JSON object per line "
                f"({error})."
            ) from error
        if not isinstance(row, dict):
            raise ValueError(
                f"{path}, line {number}: expected a JSON object. Received: "
                f"{type(row).__name__}"
            )
        check_keys(f"{path}, line {number}", row, keys)
        for flag, key in keys.items():
            # A label may be a number.
            if flag != "label_key" and not isinstance(row[key], str):
                raise ValueError(
                    f"{path}, line {number}: `{key}` must be a string. "
                    f"Received: {type(row[key]).__name__}"
                )
        yield number, row
