"""Parquet, Arrow and Feather files as rows, a batch in memory at a time.

pyarrow is imported where it is used: other files do not need it.
"""

import contextlib
import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from text2image.corpora import arrow_batches
from text2image.corpora.rows import NOT_A_ROW, Fault, Row
from text2image.corpora.spans import WHOLE, Count, Span, Spans
from text2image.corpora.table import Table

ARROW_SUFFIXES = (".arrow", ".feather")
_UNLABELLED = -1  # what Hugging Face's datasets have for no label


def open_arrow(path: pathlib.Path, prefix: str = "") -> Table:
    """Opens a Parquet, Arrow or Feather file.

    Integers of Hugging Face's ClassLabel become the names of the classes, and
    its -1 (no label) becomes `None`.

    Args:
        path: The file.
        prefix: Beginning of the rows' keys.

    Raises:
        ValueError: If the file is damaged.
    """
    with _named_errors(path):
        schema = arrow_batches.open_batches(path)[0]
    names = _class_names(schema.metadata or {})

    def read(span: Span = WHOLE) -> Iterator[Row | Fault]:
        number = span.first - 1
        with _named_errors(path):
            for batch in arrow_batches.open_batches(path, span)[1]:
                for values in batch.to_pylist():
                    number += 1
                    yield _row(
                        f"{path}, row {number}",
                        f"{prefix}{number}",
                        values,
                        names,
                    )

    def cut(rows: int) -> list[Span]:
        with _named_errors(path):
            return arrow_batches.cut(path, rows)

    def count(span: Span) -> Count:
        with _named_errors(path):
            return arrow_batches.count(path, span)

    said = [
        f"column {column!r}: {len(classes)} named classes"
        for column, classes in names.items()
    ]
    return Table(
        tuple(schema.names),
        read,
        tuple(said),
        class_names=names,
        spans=Spans(cut, read, count),
    )


def _class_names(metadata: Mapping[bytes, bytes]) -> dict[str, tuple[str, ...]]:
    """Names of the classes that Hugging Face's datasets write to the schema."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError):
        return {}
    return {
        column: tuple(feature["names"])
        for column, feature in features.items()
        if isinstance(feature, dict)
        and feature.get("_type") == "ClassLabel"
        and feature.get("names")
    }


def _row(
    place: str,
    key: str,
    values: dict[str, Any],
    class_names: Mapping[str, tuple[str, ...]],
) -> Row | Fault:
    for column, names in class_names.items():
        label = values.get(column)
        if label is None or label == _UNLABELLED:
            values[column] = None
        elif isinstance(label, int) and 0 <= label < len(names):
            values[column] = names[label]
        else:
            return Fault(
                place,
                NOT_A_ROW,
                f"{place}: expected a label `{column}` from 0 to "
                f"{len(names) - 1}. Received: {label!r}",
                str(values),
            )
    return Row(place, key, values)


@contextlib.contextmanager
def _named_errors(path: pathlib.Path) -> Iterator[None]:
    """Names the file in the errors of pyarrow."""
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(
            f"{path}: expected a whole {path.suffix} file. Received: one that "
            f"cannot be read ({str(error).splitlines()[0]}). Fetch or make it "
            "again."
        ) from error
