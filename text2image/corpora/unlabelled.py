"""Texts without labels, as a stream from a file, a folder or standard input.

One row is held in memory at a time.
"""

import dataclasses
import itertools
import pathlib
import sys
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from absl import logging

from text2image.corpora import (
    columns,
    encodings,
    fasttext,
    row_files,
    row_sources,
    text_files,
)
from text2image.corpora.rows import GUESSED, Fault, Reading

STDIN = "-"
LINES_SUFFIX = ".txt"
_CHUNK_SIZE = 1 << 16


@dataclasses.dataclass(frozen=True)
class Text:
    """One unlabelled text.

    Attributes:
        id: Line at which it starts, or its number in a folder or list, from 1.
        text: The text as in the source.
    """

    id: int
    text: str


def read_texts(
    file: str, *, reading: Reading = GUESSED, part: str = ""
) -> Iterator[Text]:
    """Streams the texts of a file or folder; what is guessed is logged.

    Args:
        file: A file or folder as `row_sources` reads it, a .txt file (one
            text per line), or `-` for standard input (one text per line).
        reading: How rows are read; the label is ignored.
        part: Part of a folder that is read; all, one after the other, if it
            is empty.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file cannot be read; names file and line.
    """
    if file == STDIN:
        stream = sys.stdin.buffer
        yield from _read_lines(_decoded(stream, reading.encoding))
        return
    path = pathlib.Path(file)
    if not path.exists():
        raise FileNotFoundError(
            f"--file must be an existing file or folder. Received: {file!r}"
        )
    if has_lines(file, reading):
        examined = text_files.examine(path, reading.encoding)
        if not fasttext.is_fasttext(examined):
            with examined.lines() as lines:
                yield from _read_lines(row_files.strict(lines))
            return
    yield from _read_rows(file, reading, part)


def has_lines(file: str, reading: Reading) -> bool:
    """Whether a file has a text per line, and no columns."""
    is_text = row_files.suffix_of(file) == LINES_SUFFIX
    return file == STDIN or (
        is_text and not reading.delimiter and not pathlib.Path(file).is_dir()
    )


def _read_rows(file: str, reading: Reading, part: str) -> Iterator[Text]:
    source = row_sources.open_rows(file, reading)
    if not source.columns:
        return  # an empty file
    choice = columns.choose(
        file,
        source.columns,
        reading,
        has_header=source.has_header,
        is_labelled=False,
        rows=next(iter(source.parts.values())),
    )
    if part and part not in source.parts:
        raise ValueError(
            f"--part must be one of {list(source.parts)} of {file}. Received: "
            f"{part!r}"
        )
    for line in (*source.guesses, *choice.guesses):
        logging.info("%s", line)
    parts = [part] if part else list(source.parts)
    rows = itertools.chain.from_iterable(source.parts[p]() for p in parts)
    is_file = pathlib.Path(file).is_file()
    for number, row in enumerate(rows, start=1):
        if isinstance(row, Fault):
            raise ValueError(row.message)
        text = choice.text(row)
        if isinstance(text, Fault):
            raise ValueError(text.message)
        yield Text(int(row.key) if is_file else number, text)


def _read_lines(lines: Iterable[str]) -> Iterator[Text]:
    for number, line in enumerate(lines, start=1):
        yield Text(number, line.rstrip("\r\n"))


def _decoded(stream: BinaryIO, asked: str) -> Iterator[str]:
    """Lines of standard input, each as it arrives."""
    name = "standard input"
    first = stream.readline()
    encoding, guess = encodings.encoding_of(name, first, asked)
    if guess:
        logging.info("reading %s: encoding %s (%s)", name, encoding, guess)
    rest: Iterable[bytes] = stream
    if not encodings.is_by_line(encoding, "\n"):
        rest = iter(lambda: stream.read(_CHUNK_SIZE), b"")
    return row_files.strict(
        encodings.Lines(name, itertools.chain([first], rest), encoding)
    )
