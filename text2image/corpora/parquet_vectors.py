"""Vectors in a Parquet file: a column `stack` of lists, or a column per number.

pyarrow is imported where it is used: other files do not need it.
"""

import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from text2image.corpora import arrow_batches
from text2image.corpora.columns import shown
from text2image.corpora.spans import Span
from text2image.corpora.vector_chunks import ROWS, Chunk, check_shape

# Bytes of the largest row group, uncompressed: one is held in memory.
_MOST_IN_MEMORY = 1 << 30
_STACK, _LABEL, _ID, _TEXT, _SPLIT = "stack", "label", "id", "text", "split"
_OTHERS = (_LABEL, _ID, _TEXT, _SPLIT)


class ParquetVectors:
    """A file of vectors; see `vector_files.VectorFile`. Null becomes NaN."""

    def __init__(self, path: pathlib.Path) -> None:
        """Reads the schema and the first row that has a vector.

        Raises:
            ValueError: If columns are missing or have the wrong types, or a
                row group is too large.
        """
        self.path = path
        file = self._open()
        schema = file.schema_arrow
        self.num_rows = file.metadata.num_rows
        for group in range(file.num_row_groups):
            size = file.metadata.row_group(group).total_byte_size
            if size > _MOST_IN_MEMORY:
                raise ValueError(
                    f"{path}: a row group may have up to {_MOST_IN_MEMORY:,} "
                    "bytes, as it is held in memory. Received: "
                    f"{size:,} in row group {group}. Write the file with "
                    "row_group_size=4096."
                )
        if _LABEL not in schema.names:
            raise ValueError(
                f"{path} must have a column `label`. Received: "
                f"{shown(schema.names)}. Rename the column of the classes."
            )
        _check_type(path, schema, _LABEL, _is_label, "strings or whole numbers")
        _check_type(path, schema, _ID, _is_label, "strings or whole numbers")
        _check_type(path, schema, _TEXT, _is_string, "strings")
        _check_type(path, schema, _SPLIT, _is_string, "strings")
        self.has_parts = _SPLIT in schema.names
        self._columns = (
            [_STACK]
            if _STACK in schema.names
            else [name for name in schema.names if name not in _OTHERS]
        )
        if _STACK not in schema.names:
            _refuse_index(path, schema, self._columns)
            for name in self._columns:
                _check_type(path, schema, name, _is_number, "numbers")
        if not self.num_rows or not self._columns:
            raise ValueError(
                f"{path} must have rows, and a column `stack` or columns of "
                f"numbers. Received: {self.num_rows} rows of "
                f"{shown(schema.names)}."
            )
        shape: tuple[int, ...] = (len(self._columns),)
        if _STACK in schema.names:
            shape = _shape_of(path, _first_stack(path, file))
        self._is_list = _STACK in schema.names
        self.stack_shape = check_shape(
            path, (self.num_rows, *shape), self.num_rows
        )
        self._sizes = shape

    def cut(self, rows: int) -> list[Span]:
        """Cuts the rows between row groups, numbered from 1."""
        return arrow_batches.cut(self.path, rows)

    def read(self, span: Span) -> Iterator[Chunk]:
        """Reads a span, chunk by chunk."""
        file = self._open()
        first = span.first
        others = [
            name for name in _OTHERS[:3] if name in file.schema_arrow.names
        ]
        for batch in file.iter_batches(
            batch_size=ROWS,
            row_groups=span.units(file.num_row_groups),
            columns=[*self._columns, *others],
        ):
            columns = {name: batch.column(name).to_pylist() for name in others}
            ids = columns.get(_ID, [])
            yield Chunk(
                first,
                self._stacks(batch, first),
                columns[_LABEL],
                [
                    f"row-{row}" if key is None else str(key)
                    for row, key in enumerate(ids, start=first)
                ],
                [text or "" for text in columns.get(_TEXT, [])],
            )
            first += batch.num_rows

    def read_parts(self) -> Iterator[list[str | None]]:
        """Reads the column of the parts, chunk by chunk."""
        file = self._open()
        for batch in file.iter_batches(batch_size=ROWS, columns=[_SPLIT]):
            yield batch.column(0).to_pylist()

    def _open(self) -> Any:
        import pyarrow
        import pyarrow.parquet

        try:
            # Pages of a mapped file would count as memory of the process.
            return pyarrow.parquet.ParquetFile(
                self.path, memory_map=False, pre_buffer=False
            )
        except (pyarrow.ArrowException, OSError) as error:
            raise ValueError(
                f"{self.path}: expected a whole Parquet file. Received: one "
                f"that cannot be read ({str(error).splitlines()[0]}). Write "
                "it again."
            ) from error

    def _stacks(self, batch: Any, first: int) -> np.ndarray:
        if not self._is_list:
            numbers = np.stack(
                [_to_floats(batch.column(name)) for name in self._columns], 1
            )
            return numbers.reshape(-1, *self.stack_shape)
        column = batch.column(_STACK)
        rows = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
        values = column.drop_null()
        for size in self._sizes:
            lengths = _lengths(values)
            wrong = np.flatnonzero(lengths != size)
            if len(wrong):
                row = first + rows[wrong[0] * len(rows) // len(lengths)]
                raise ValueError(
                    f"{self.path}, row {row}: every `stack` must have the "
                    f"shape {self._sizes} of the first. Received: "
                    f"{lengths[wrong[0]]} values instead of {size}. Leave such "
                    "rows out."
                )
            values = values.flatten()
        floats = _to_floats(values).reshape(-1, *self.stack_shape)
        if len(rows) == batch.num_rows:
            return floats
        stacks = np.full(
            (batch.num_rows, *self.stack_shape), np.nan, np.float32
        )
        stacks[rows] = floats
        return stacks


def open_parquet(path: pathlib.Path) -> ParquetVectors:
    """Opens a Parquet file of vectors; raises as `ParquetVectors`."""
    return ParquetVectors(path)


def _to_floats(column: Any) -> np.ndarray:
    """Converts a column to float32; null becomes NaN."""
    import pyarrow

    floats = column.cast(pyarrow.float32(), safe=False)
    array: np.ndarray = floats.to_numpy(zero_copy_only=False)
    return array.astype(np.float32, copy=False)


def _first_stack(path: pathlib.Path, file: Any) -> Any:
    """The first list that is not null, as a column of one row."""
    for batch in file.iter_batches(batch_size=ROWS, columns=[_STACK]):
        stacks = batch.column(0).drop_null()
        if len(stacks):
            return stacks.slice(0, 1)
    raise ValueError(
        f"{path}: every `stack` is null. Write the vectors into it."
    )


def _shape_of(path: pathlib.Path, column: Any) -> tuple[int, ...]:
    """Sizes of the lists of the first row, outer first."""
    sizes = []
    while _is_list(column.type):
        lengths = _lengths(column)
        sizes.append(int(lengths[0]) if len(lengths) else 0)
        column = column.flatten()
    if not sizes or not _is_number(column.type):
        raise ValueError(
            f"{path}: `stack` must be a list of numbers, or a list of such "
            f"lists, one per layer. Received: {column.type}. Convert it."
        )
    return tuple(sizes)


def _lengths(column: Any) -> np.ndarray:
    """Lengths of lists; 0 for null."""
    import pyarrow.compute

    lengths = pyarrow.compute.list_value_length(column).fill_null(0)
    array: np.ndarray = lengths.to_numpy(zero_copy_only=False)
    return array


def _check_type(
    path: pathlib.Path, schema: Any, name: str, fits: Any, noun: str
) -> None:
    if name in schema.names and not fits(schema.field(name).type):
        raise ValueError(
            f"{path}: the column `{name}` must hold {noun}. Received: "
            f"{schema.field(name).type}. Convert or drop it."
        )


def _refuse_index(path: pathlib.Path, schema: Any, columns: list[str]) -> None:
    """Refuses the numbers of rows that pandas writes as a column."""
    stated = (schema.pandas_metadata or {}).get("index_columns", [])
    # The index of all rows in order is no column but a description of it.
    index = [name for name in stated if name in columns]
    if index:
        raise ValueError(
            f"{path}: every column of numbers is a feature. Received: "
            f"{shown(index)}, the index of pandas. Write the file with "
            "to_parquet(path, index=False)."
        )


def _is_list(kind: Any) -> bool:
    from pyarrow import types

    return bool(
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
    )


def _is_number(kind: Any) -> bool:
    from pyarrow import types

    return bool(
        types.is_floating(kind)
        or types.is_integer(kind)
        or types.is_boolean(kind)
    )


def _is_string(kind: Any) -> bool:
    from pyarrow import types

    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or (types.is_dictionary(kind) and _is_string(kind.value_type))
    )


def _is_label(kind: Any) -> bool:
    from pyarrow import types

    return bool(
        _is_string(kind) or types.is_integer(kind) or types.is_boolean(kind)
    )
