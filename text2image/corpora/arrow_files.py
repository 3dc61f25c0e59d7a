"""Parquet, Arrow and Feather files as rows, a batch in memory at a time.

pyarrow is imported where it is used: other files do not need it.
"""

import functools
import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from text2image.corpora.rows import NOT_A_ROW, Fault, Row
from text2image.corpora.spans import WHOLE, Count, Span, Spans
from text2image.corpora.table import Table

PARQUET_SUFFIXES = (".parquet", ".pq")
ARROW_SUFFIXES = (".arrow", ".feather")
_ROWS_AT_A_TIME = 1024
_FILE_MAGIC = b"ARROW1"  # a stream has none
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
    import pyarrow

    try:
        schema = _open(path)[0]
    except (pyarrow.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    names = _class_names(schema.metadata or {})

    def read(span: Span = WHOLE) -> Iterator[Row | Fault]:
        number = span.first - 1
        try:
            for batch in _open(path, span)[1]:
                for values in batch.to_pylist():
                    number += 1
                    yield _row(
                        f"{path}, row {number}",
                        f"{prefix}{number}",
                        values,
                        names,
                    )
        except (pyarrow.ArrowException, OSError) as error:
            raise _damaged(path, error) from error

    said = [
        f"column {column!r}: {len(classes)} named classes"
        for column, classes in names.items()
    ]
    return Table(
        tuple(schema.names),
        read,
        tuple(said),
        class_names=names,
        spans=Spans(
            functools.partial(_cut, path), read, functools.partial(_count, path)
        ),
    )


def _open(path: pathlib.Path, span: Span = WHOLE) -> tuple[Any, Iterator[Any]]:
    """Schema of a file, and record batches of a span of it."""
    import pyarrow.parquet

    if _is_parquet(path):
        file = pyarrow.parquet.ParquetFile(path, memory_map=True)
        return file.schema_arrow, file.iter_batches(
            batch_size=_ROWS_AT_A_TIME,
            row_groups=span.units(file.num_row_groups),
        )
    source = pyarrow.memory_map(str(path))
    if source.read(len(_FILE_MAGIC)) != _FILE_MAGIC:
        source.seek(0)
        reader = pyarrow.ipc.open_stream(source)
        return reader.schema, _sliced(iter(reader))
    reader = pyarrow.ipc.open_file(source)
    batches = map(reader.get_batch, span.units(reader.num_record_batches))
    return reader.schema, _sliced(batches)


def _cut(path: pathlib.Path, rows: int) -> list[Span]:
    """Cuts between row groups or record batches; a stream is one span."""
    import pyarrow.parquet

    if _is_parquet(path):
        metadata = pyarrow.parquet.read_metadata(path)
        spans, start, first = [], 0, 1
        size = 0
        for group in range(metadata.num_row_groups):
            size += metadata.row_group(group).num_rows
            if size >= rows or group + 1 == metadata.num_row_groups:
                spans.append(Span(start, group + 1, first, size))
                start, first, size = group + 1, first + size, 0
        return spans or [WHOLE]
    source = pyarrow.memory_map(str(path))
    if source.read(len(_FILE_MAGIC)) != _FILE_MAGIC:
        return [WHOLE]
    reader = pyarrow.ipc.open_file(source)
    num_batches = reader.num_record_batches
    if not num_batches:
        return [WHOLE]
    # Compressed batches are read to count their rows: only the first one.
    step = max(1, round(rows / max(reader.get_batch(0).num_rows, 1)))
    return [
        Span(start, min(start + step, num_batches))
        for start in range(0, num_batches, step)
    ]


def _count(path: pathlib.Path, span: Span) -> Count:
    return Count(sum(batch.num_rows for batch in _open(path, span)[1]))


def _is_parquet(path: pathlib.Path) -> bool:
    return path.suffix.lower() in PARQUET_SUFFIXES


def _sliced(batches: Iterator[Any]) -> Iterator[Any]:
    """Parts of record batches, which may be as large as the file."""
    for batch in batches:
        for start in range(0, batch.num_rows, _ROWS_AT_A_TIME):
            yield batch.slice(start, _ROWS_AT_A_TIME)


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


def _damaged(path: pathlib.Path, error: Exception) -> ValueError:
    return ValueError(
        f"{path}: expected a whole {path.suffix} file. Received: one that "
        f"cannot be read ({str(error).splitlines()[0]}). Fetch or make it "
        "again."
    )
