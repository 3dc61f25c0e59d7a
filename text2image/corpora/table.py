"""An opened table: one file, before it becomes a part of a source."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from text2image.corpora.rows import Fault, Row
from text2image.corpora.spans import Spans, whole


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of one file.

    Attributes:
        columns: Names of its columns, or of the keys of its first rows.
        read: Starts a new stream of its rows.
        guesses: What was guessed, a line each.
        format: How it is read; see `RowSource.format`.
        has_header: Whether a line of the file names the columns.
        class_names: Column to the names of its classes in label order, where
            the file states them.
        spans: How it is cut; `None` if it is not.
    """

    columns: tuple[str, ...]
    read: Callable[[], Iterator[Row | Fault]]
    guesses: tuple[str, ...] = ()
    format: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    has_header: bool = False
    class_names: Mapping[str, tuple[str, ...]] = dataclasses.field(
        default_factory=dict
    )
    spans: Spans | None = None

    @property
    def pieces(self) -> Spans:
        """How it is cut; as a whole if it is not."""
        return self.spans or whole(self.read)
