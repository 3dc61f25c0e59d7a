"""Texts without labels, as a stream: from a file, standard input, a list.

Nothing is held in memory but the line at hand.
"""

import csv
import dataclasses
import json
import pathlib
import sys
from collections.abc import Iterator
from typing import BinaryIO

STDIN = "-"
_SUFFIXES = (".csv", ".tsv", ".jsonl", ".txt")


@dataclasses.dataclass(frozen=True)
class Text:
    """One text.

    Attributes:
        id: Line of the file at which it starts, or its place in a list, from
            1.
        text: As it stands there.
    """

    id: int
    text: str


def read_texts(file: str, *, text_key: str = "text") -> Iterator[Text]:
    """Streams the texts of a file.

    Args:
        file: A .csv, .tsv (with a header), .jsonl (an object a line) or .txt
            (a text a line) file, or `-` for standard input, a text a line.
        text_key: Column or key of the text; others are passed over.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read; names file and line.
    """
    if file == STDIN:
        yield from _read_lines("standard input", sys.stdin.buffer)
        return
    path = pathlib.Path(file)
    if path.suffix not in _SUFFIXES:
        raise ValueError(
            f"--file must end in one of {_SUFFIXES}, or be - for standard "
            f"input. Received: {file!r}"
        )
    if not path.is_file():
        raise FileNotFoundError(
            f"--file must be an existing file. Received: {file!r}"
        )
    with path.open("rb") as stream:
        if path.suffix == ".txt":
            yield from _read_lines(file, stream)
        elif path.suffix == ".jsonl":
            yield from _read_jsonl(file, stream, text_key)
        else:
            delimiter = "\t" if path.suffix == ".tsv" else ","
            yield from _read_csv(file, stream, text_key, delimiter)


def _decoded(name: str, stream: BinaryIO) -> Iterator[str]:
    for number, line in enumerate(stream, start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{name}, line {number}: expected UTF-8. Received: byte "
                f"0x{line[error.start]:02x} at column {error.start + 1}. "
                "Convert the file, e.g. iconv -f latin1 -t utf-8"
            ) from error


def _read_lines(name: str, stream: BinaryIO) -> Iterator[Text]:
    for number, line in enumerate(_decoded(name, stream), start=1):
        yield Text(number, line.rstrip("\r\n"))


def _read_jsonl(name: str, stream: BinaryIO, text_key: str) -> Iterator[Text]:
    for number, line in enumerate(_decoded(name, stream), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"{name}, line {number}: expected one JSON object a line "
                f"({error})."
            ) from error
        if not isinstance(row, dict) or not isinstance(row.get(text_key), str):
            raise ValueError(
                f"{name}, line {number}: expected an object with a string "
                f"{text_key!r}. Received: {line[:80].strip()}. Name the right "
                "key with --text_key."
            )
        yield Text(number, row[text_key])


def _read_csv(
    name: str, stream: BinaryIO, text_key: str, delimiter: str
) -> Iterator[Text]:
    csv.field_size_limit(1 << 30)  # a field is a text, however long
    reader = csv.reader(
        _decoded(name, stream), delimiter=delimiter, strict=True
    )
    start = 1
    try:
        header = next(reader, [])
        if text_key not in header:
            raise ValueError(
                f"{name}, line 1: no {text_key!r} among {header}. Name the "
                "right column with --text_key."
            )
        column = header.index(text_key)
        start = reader.line_num + 1
        for fields in reader:
            if fields:
                if len(fields) != len(header):
                    raise ValueError(
                        f"{name}, line {start}: expected {len(header)} fields,"
                        f" found {len(fields)}. Quote fields that hold the "
                        "delimiter."
                    )
                yield Text(start, fields[column])
            start = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{name}, line {start}: not valid CSV ({error}). Quote fields "
            'that hold quotes or newlines, and double the quotes: "".'
        ) from error
