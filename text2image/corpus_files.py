"""Labelled texts from CSV, TSV and JSON lines, strictly read."""

import csv
import json
import pathlib
from collections.abc import Iterator

from text2image import example

SUFFIXES = (".csv", ".tsv", ".jsonl")


def open_file(
    path: pathlib.Path, text_key: str, label_key: str
) -> example.Corpus:
    """Opens a file as a corpus of one part.

    Raises:
        FileNotFoundError: If it does not exist.
        ValueError: While reading, if a line is faulty; names file and line.
    """
    if not path.is_file():
        raise FileNotFoundError(
            "`dataset` must be `demo`, a TFDS name, or an existing .csv, .tsv "
            f"or .jsonl file. Received: {str(path)!r}, which does not exist."
        )
    reader = _read_jsonl if path.suffix == ".jsonl" else _read_csv
    return example.Corpus(
        name=path.stem,
        parts={"train": lambda: reader(path, text_key, label_key)},
        label_names=None,
        sha256=example.sha256_of_files([path]),
    )


def _lines(path: pathlib.Path) -> Iterator[str]:
    """Lines with their ends, strictly UTF-8 (a BOM is skipped)."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{path}, line {number}: expected UTF-8. Received: byte "
                    f"0x{line[error.start]:02x} at column {error.start + 1}. "
                    "Convert the file, e.g. iconv -f latin1 -t utf-8"
                ) from error
            yield text


def _read_csv(
    path: pathlib.Path, text_key: str, label_key: str
) -> Iterator[example.Example]:
    csv.field_size_limit(1 << 30)  # a field is a text, however long
    delimiter = "\t" if path.suffix == ".tsv" else ","
    reader = csv.reader(_lines(path), delimiter=delimiter, strict=True)
    start = 1  # line at which a row starts; a quoted field may span several
    try:
        names = next(reader, [])
        example.check_keys(path, start, names, text_key, label_key)
        start = reader.line_num + 1
        for fields in reader:
            if fields:  # not a blank line
                if len(fields) != len(names):
                    raise ValueError(
                        f"{path}, line {start}: expected {len(names)} fields, "
                        f"found {len(fields)}. Quote fields that hold the "
                        "delimiter."
                    )
                row = dict(zip(names, fields, strict=True))
                yield example.make_example(
                    path, start, str(start), row[text_key], row[label_key]
                )
            start = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{path}, line {start}: not valid CSV ({error}). Quote fields "
            'that hold quotes or newlines, and double the quotes: "".'
        ) from error


def _read_jsonl(
    path: pathlib.Path, text_key: str, label_key: str
) -> Iterator[example.Example]:
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"{path}, line {number}: expected one JSON object a line "
                f"({error})."
            ) from error
        if not isinstance(row, dict):
            raise ValueError(
                f"{path}, line {number}: expected a JSON object. Received: "
                f"{type(row).__name__}"
            )
        example.check_keys(path, number, row, text_key, label_key)
        if not isinstance(row[text_key], str):
            raise ValueError(
                f"{path}, line {number}: `{text_key}` must be a string. "
                f"Received: {type(row[text_key]).__name__}"
            )
        label = row[label_key]
        if not isinstance(label, str | int) or isinstance(label, bool):
            raise ValueError(
                f"{path}, line {number}: `{label_key}` must be a string or a "
                f"whole number. Received: {label!r}"
            )
        yield example.make_example(
            path, number, str(number), row[text_key], str(label)
        )
