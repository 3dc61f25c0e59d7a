"""Texts without labels, as a stream from a file or standard input.

One line is held in memory at a time.
"""

import dataclasses
import pathlib
import sys
from collections.abc import Iterator
from typing import BinaryIO

from text2image.corpora import row_files

STDIN = "-"
_SUFFIXES = (*row_files.SUFFIXES, ".txt")


@dataclasses.dataclass(frozen=True)
class Text:
    """One unlabelled text.

    Attributes:
        id: Line at which it starts, or its number in a list, from 1.
        text: The text as in the source.
    """

    id: int
    text: str


def read_texts(file: str, *, text_key: str = "text") -> Iterator[Text]:
    """Streams the texts of a file.

    Args:
        file: A .csv or .tsv (with a header), .jsonl (one object per line) or
            .txt file (one text per line), or `-` for standard input (one text
            per line).
        text_key: Column or key of the text; others are ignored.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file cannot be read; names file and line.
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
    if path.suffix == ".txt":
        with path.open("rb") as stream:
            yield from _read_lines(file, stream)
        return
    for line, row in row_files.read_rows(path, {"text_key": text_key}):
        yield Text(line, row[text_key])


def _read_lines(name: str, stream: BinaryIO) -> Iterator[Text]:
    for number, line in enumerate(
        row_files.decoded_lines(name, stream), start=1
    ):
        yield Text(number, line.rstrip("\r\n"))
