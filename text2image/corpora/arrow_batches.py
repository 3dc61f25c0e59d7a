"""Record batches of Parquet, Arrow and Feather files, and cuts between them.

pyarrow is imported where it is used: other files do not need it.
"""

import pathlib
from collections.abc import Iterator
from typing import Any

from text2image.corpora.spans import WHOLE, Count, Span

PARQUET_SUFFIXES = (".parquet", ".pq")
_ROWS_AT_A_TIME = 1024
_FILE_MAGIC = b"ARROW1"  # a stream has none


def open_batches(
    path: pathlib.Path, span: Span = WHOLE
) -> tuple[Any, Iterator[Any]]:
    """Schema of a file, and record batches of a span of it."""
    import pyarrow.parquet

    if _is_parquet(path):
        file = pyarrow.parquet.ParquetFile(path, memory_map=True)
        return file.schema_arrow, file.iter_batches(
            batch_size=_ROWS_AT_A_TIME,
            row_groups=span.units(file.num_row_groups),
        )
    source = pyarrow.memory_map(str(path))
    if _is_file(source):
        reader = pyarrow.ipc.open_file(source)
        batches = map(reader.get_batch, span.units(reader.num_record_batches))
        return reader.schema, _sliced(batches)
    reader = pyarrow.ipc.open_stream(source)
    if span == WHOLE:
        return reader.schema, _sliced(iter(reader))
    return reader.schema, _sliced(_batches_at(source, reader.schema, span))


def cut(path: pathlib.Path, rows: int) -> list[Span]:
    """Cuts a file between row groups or record batches.

    Spans of Parquet are numbered. A stream with dictionaries, on which later
    batches depend, is one span.
    """
    import pyarrow

    if _is_parquet(path):
        return _cut_parquet(path, rows)
    source = pyarrow.memory_map(str(path))
    if _is_file(source):
        reader = pyarrow.ipc.open_file(source)
        bounds = list(range(reader.num_record_batches + 1))
    else:
        bounds = _bounds_of_stream(source)
    if len(bounds) < 2:
        return [WHOLE]
    # Compressed batches are read to count their rows: only the first one.
    first = count(path, Span(bounds[0], bounds[1])).size
    step = max(1, round(rows / max(first, 1)))
    starts = bounds[:-1:step]
    return [
        Span(*bound)
        for bound in zip(starts, [*starts[1:], bounds[-1]], strict=True)
    ]


def count(path: pathlib.Path, span: Span) -> Count:
    """Counts the rows of a span."""
    return Count(sum(batch.num_rows for batch in open_batches(path, span)[1]))


def _cut_parquet(path: pathlib.Path, rows: int) -> list[Span]:
    import pyarrow.parquet

    metadata = pyarrow.parquet.read_metadata(path)
    spans = []
    start, first, size = 0, 1, 0
    for group in range(metadata.num_row_groups):
        size += metadata.row_group(group).num_rows
        if size >= rows or group + 1 == metadata.num_row_groups:
            spans.append(Span(start, group + 1, first, size))
            start, first, size = group + 1, first + size, 0
    return spans or [WHOLE]


def _is_parquet(path: pathlib.Path) -> bool:
    return path.suffix.lower() in PARQUET_SUFFIXES


def _is_file(source: Any) -> bool:
    """Whether it is Arrow's file format; leaves the source at its start."""
    is_file = source.read(len(_FILE_MAGIC)) == _FILE_MAGIC
    source.seek(0)
    return is_file


def _bounds_of_stream(source: Any) -> list[int]:
    """Bytes at which the batches of a stream begin, and at which it ends."""
    import pyarrow

    messages = pyarrow.ipc.MessageReader.open_stream(source)
    bounds = []
    for message in messages:
        if message.type == "dictionary":
            return []
        bounds.append(source.tell())  # the end: the first message is no batch
    return bounds


def _batches_at(source: Any, schema: Any, span: Span) -> Iterator[Any]:
    import pyarrow

    source.seek(span.start)
    messages = pyarrow.ipc.MessageReader.open_stream(source)
    while source.tell() < span.stop:
        yield pyarrow.ipc.read_record_batch(
            messages.read_next_message(), schema
        )


def _sliced(batches: Iterator[Any]) -> Iterator[Any]:
    """Parts of record batches, which may be as large as the file."""
    for batch in batches:
        for start in range(0, batch.num_rows, _ROWS_AT_A_TIME):
            yield batch.slice(start, _ROWS_AT_A_TIME)
