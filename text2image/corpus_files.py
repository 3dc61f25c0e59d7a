"""Labelled texts from CSV, TSV and JSON lines, strictly read."""

import pathlib
from collections.abc import Iterator

from text2image import example, rows


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
            "--dataset must be `demo`, a TFDS name, or an existing .csv, .tsv "
            f"or .jsonl file. Received: {str(path)!r}, which does not exist."
        )
    return example.Corpus(
        name=path.stem,
        parts={"train": lambda: _read(path, text_key, label_key)},
        label_names=None,
        sha256=example.sha256_of_files([path]),
    )


def _read(
    path: pathlib.Path, text_key: str, label_key: str
) -> Iterator[example.Example]:
    keys = {"text_key": text_key, "label_key": label_key}
    for line, row in rows.read_rows(path, keys):
        yield example.make_example(
            path, line, str(line), row[text_key], row[label_key]
        )
