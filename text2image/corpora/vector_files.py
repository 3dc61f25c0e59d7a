"""Vectors with labels, in an `.npz` or Parquet file: any feature matrix.

    file = open_vectors("vectors.npz")
    for piece in file.cut(2560):
        for chunk in file.read(piece):
            chunk.stacks   # (n, L, D) float32
            chunk.examples()

Memory holds a chunk, whatever the number of rows.
"""

import functools
import hashlib
import pathlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from text2image import hashes
from text2image.corpora import npz_vectors, parquet_vectors
from text2image.corpora.examples import Corpus, Example, make_example
from text2image.corpora.part_names import PARTS
from text2image.corpora.rows import NOT_FINITE, Fault
from text2image.corpora.spans import WHOLE, Span
from text2image.corpora.vector_chunks import Chunk

_OPENERS: dict[str, Callable[[pathlib.Path], Any]] = {
    ".npz": npz_vectors.open_npz,
    ".parquet": parquet_vectors.open_parquet,
}
SUFFIXES = tuple(_OPENERS)
# The part of rows that name none, as of other files.
PART = "train"


class VectorFile(Protocol):
    """A file of vectors.

    Attributes:
        path: The file.
        num_rows: Number of its rows.
        stack_shape: Layers and numbers per layer, (L, D).
        has_parts: Whether it says to which part of the corpus a row belongs.
    """

    path: pathlib.Path
    num_rows: int
    stack_shape: tuple[int, int]
    has_parts: bool

    def cut(self, rows: int) -> list[Span]:
        """Cuts the rows into spans of about this many, numbered from 1."""

    def read(self, span: Span) -> Iterator[Chunk]:
        """Reads a span, chunk by chunk."""

    def read_parts(self) -> Iterator[list[str | None]]:
        """Reads the column of the parts, chunk by chunk."""


def is_vector_file(path: str) -> bool:
    """Returns whether a path names a file of vectors, by its suffix."""
    return path.lower().endswith(SUFFIXES)


@functools.lru_cache(maxsize=1)
def open_vectors(path: str) -> VectorFile:
    """Opens a file of vectors; one stays open.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no stacks with labels.
    """
    file = pathlib.Path(path)
    if not file.is_file():
        raise FileNotFoundError(
            f"--stacks={path}: no such file. Name an .npz or .parquet file of "
            "vectors on a disk, or a directory of cls records."
        )
    opened: VectorFile = _OPENERS[file.suffix.lower()](file)
    return opened


def open_corpus(file: VectorFile) -> Corpus[Example]:
    """Describes the rows as a corpus whose texts identify the rows.

    The text of an example is the row's own, else its id, else a hash of its
    numbers: by it the split keeps copies on one side.

    Raises:
        ValueError: If a row belongs to no part of a corpus, though others do;
            or if the parts cannot be the sides of a split.
    """
    parts: dict[str, Callable[[], Iterator[Example | Fault]]]
    if file.has_parts:
        present = {PARTS[number] for number in set(part_of_row(file).tolist())}
        if "train" not in present or len(present) < 2:
            raise ValueError(
                f"{file.path}: `split` must name rows of train, and of "
                f"validation or test. Received: {', '.join(sorted(present))} "
                "alone. Correct it, or omit the column: --split then decides."
            )
        parts = {
            name: functools.partial(_read_part, file, name)
            for name in PARTS
            if name in present
        }
    else:
        parts = {PART: functools.partial(read, file, WHOLE)}
    return Corpus(
        name=file.path.stem,
        parts=parts,
        label_names=None,
        sha256=hashes.sha256_of_file(file.path),
        is_split=file.has_parts,
    )


def part_of_row(file: VectorFile) -> np.ndarray:
    """Returns the number of each row's part in `PARTS`, `(N,)` int8.

    Raises:
        ValueError: If a row names another part, or none.
    """
    numbers = {name: number for number, name in enumerate(PARTS)}
    part = np.empty(file.num_rows, np.int8)
    row = 0
    for names in file.read_parts():
        for name in names:
            if name not in numbers:
                raise ValueError(
                    f"{file.path}, row {row + 1}: `split` must be one of "
                    f"{PARTS}. Received: {name!r}. Correct it, or omit the "
                    "column: --split then decides."
                )
            part[row] = numbers[name]
            row += 1
    return part


def read(file: VectorFile, span: Span) -> Iterator[Example | Fault]:
    """Streams the rows of a span, without their stacks."""
    for chunk in file.read(span):
        yield from examples(file, chunk)


def examples(file: VectorFile, chunk: Chunk) -> list[Example | Fault]:
    """Returns an example per row of a chunk, or what is wrong with it."""
    finite = np.isfinite(chunk.stacks).all(axis=(1, 2)).tolist()
    return [
        _example(file, chunk, row)
        if finite[row]
        else _not_finite(file, chunk, row)
        for row in range(len(finite))
    ]


def _example(file: VectorFile, chunk: Chunk, row: int) -> Example | Fault:
    text = chunk.texts[row] if chunk.texts else ""
    if not text.strip():
        text = chunk.ids[row] if chunk.ids else ""
    if not text.strip():
        numbers = chunk.stacks[row].tobytes()
        text = hashlib.blake2b(numbers, digest_size=16).hexdigest()
    return make_example(
        f"{file.path}, row {chunk.first + row}",
        chunk.key(row),
        text,
        chunk.labels[row],
    )


def _not_finite(file: VectorFile, chunk: Chunk, row: int) -> Fault:
    stack = chunk.stacks[row]
    wrong = stack[~np.isfinite(stack)]
    place = f"{file.path}, row {chunk.first + row}"
    return Fault(
        place,
        NOT_FINITE,
        f"{place}: every number must be finite in float32. Received: "
        f"{wrong[0]} ({len(wrong)} of {stack.size} are not). Fill in what is "
        "missing, or leave the row out.",
        chunk.key(row),
    )


def _read_part(file: VectorFile, name: str) -> Iterator[Example | Fault]:
    part = part_of_row(file)
    number = PARTS.index(name)
    for row, item in enumerate(read(file, WHOLE)):
        if part[row] == number:
            yield item
