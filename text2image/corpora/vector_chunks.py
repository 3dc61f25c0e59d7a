"""Some consecutive rows of a file of vectors, and their shape."""

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from text2image.corpora.spans import Span

# Rows in memory at a time: 19 MB of 4,608 numbers.
ROWS = 1024


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Some consecutive rows.

    Attributes:
        first: Number of the first row, from 1.
        stacks: `(n, L, D)` float32.
        labels: `n` labels as the file has them; `None` where there is none.
        ids: `n` ids; empty if the file has none.
        texts: `n` texts; empty if the file has none.
    """

    first: int
    stacks: np.ndarray
    labels: Sequence[Any]
    ids: Sequence[str] = ()
    texts: Sequence[str] = ()

    def key(self, row: int) -> str:
        """Returns the id of a row; by default from its number."""
        return self.ids[row] if self.ids else f"row-{self.first + row}"

    def text(self, row: int) -> str:
        """Returns the text of a row; empty without texts."""
        return self.texts[row] if self.texts else ""


def check_shape(
    path: pathlib.Path, shape: tuple[int, ...], num_labels: int
) -> tuple[int, int]:
    """Returns the shape of a stack, (L, D); one layer for rows of a matrix.

    Args:
        path: The file, for messages.
        shape: Shape of all stacks.
        num_labels: Number of labels.

    Raises:
        ValueError: If they are no stacks, or not as many as labels.
    """
    if len(shape) not in (2, 3) or not all(shape):
        raise ValueError(
            f"{path}: `stacks` must be (N, L, D) or (N, F). Received: {shape}. "
            "Save one vector, or one of each layer, per row."
        )
    if shape[0] != num_labels:
        raise ValueError(
            f"{path}: every row needs a label. Received: {shape[0]} stacks and "
            f"{num_labels} labels. Save as many of both."
        )
    return (1, shape[1]) if len(shape) == 2 else (shape[1], shape[2])


def chunks_of(span: Span, num_rows: int) -> Iterator[tuple[int, int]]:
    """Yields the start and stop of each chunk of a span of rows."""
    rows = range(num_rows)
    if span.lines is not None:
        rows = range(span.first - 1, span.first - 1 + span.lines)
    for start in range(rows.start, rows.stop, ROWS):
        yield start, min(start + ROWS, rows.stop)
