"""Parquet, Arrow and Feather files as rows, a batch in memory at a time.

pyarrow is imported where it is used: other files do not need it.
"""

import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from text2image.corpora.rows import NOT_A_ROW, Fault, Row
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

    def read() -> Iterator[Row | Fault]:
        number = 0
        try:
            for batch in _open(path)[1]:
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
    return Table(tuple(schema.names), read, tuple(said), class_names=names)


def _open(path: pathlib.Path) -> tuple[Any, Iterator[Any]]:
    """Schema and record batches of a file."""
    import pyarrow.parquet

    if path.suffix.lower() in PARQUET_SUFFIXES:
        file = pyarrow.parquet.ParquetFile(path, memory_map=True)
        return file.schema_arrow, file.iter_batches(batch_size=_ROWS_AT_A_TIME)
    source = pyarrow.memory_map(str(path))
    if source.read(len(_FILE_MAGIC)) != _FILE_MAGIC:
        source.seek(0)
        reader = pyarrow.ipc.open_stream(source)
        return reader.schema, _sliced(iter(reader))
    source.seek(0)
    reader = pyarrow.ipc.open_file(source)
    batches = (
        reader.get_batch(index) for index in range(reader.num_record_batches)
    )
    return reader.schema, _sliced(batches)


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
