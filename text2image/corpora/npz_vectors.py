"""Vectors in an `.npz` file: arrays `stacks` and `labels`, read row by row.

Arrays are read where they are in the file, not mapped: pages of a map count as
memory of the process.
"""

import dataclasses
import pathlib
import struct
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from text2image.corpora.spans import WHOLE, Span, spans_of_size
from text2image.corpora.vector_chunks import Chunk, check_shape, chunks_of

# Bytes of the largest array that is held in memory because it is compressed.
_MOST_IN_MEMORY = 256 << 20
_LOCAL_HEADER = 30  # bytes before a zip member's name
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_NUMBERS, _LABELS, _STRINGS = "fiub", "iuUb", "U"
# Array to the kinds of its dtype, and what they are.
_ARRAYS = {
    "stacks": (_NUMBERS, "numbers"),
    "labels": (_LABELS, "strings or whole numbers"),
    "ids": ("iuU", "strings or whole numbers"),
    "texts": (_STRINGS, "strings"),
    "split": (_STRINGS, "strings"),
}


@dataclasses.dataclass(frozen=True)
class _Array:
    """An array in a file.

    Attributes:
        path: The file.
        offset: Byte at which its numbers start.
        dtype: Type of its numbers.
        shape: Shape of the array.
        loaded: The array itself, if it is compressed.
    """

    path: pathlib.Path
    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    loaded: np.ndarray | None = None

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Reads some rows."""
        if self.loaded is not None:
            return self.loaded[start:stop]
        size = int(np.prod(self.shape[1:], dtype=np.int64))
        values = np.fromfile(
            self.path,
            self.dtype,
            (stop - start) * size,
            offset=self.offset + start * size * self.dtype.itemsize,
        )
        return values.reshape(stop - start, *self.shape[1:])


class NpzVectors:
    """A file of vectors; see `vector_files.VectorFile`."""

    def __init__(self, path: pathlib.Path, arrays: dict[str, _Array]) -> None:
        """Checks the arrays.

        Raises:
            ValueError: If their types or shapes are wrong.
        """
        self.path = path
        self._arrays = arrays
        for name, (kinds, noun) in _ARRAYS.items():
            if name in arrays and arrays[name].dtype.kind not in kinds:
                raise ValueError(
                    f"{path}: `{name}` must be {noun}. Received: "
                    f"{arrays[name].dtype}. Convert it, as by astype."
                )
        labels = arrays["labels"].shape
        shape = arrays["stacks"].shape
        self.stack_shape = check_shape(path, shape, labels[0] if labels else 0)
        for name in set(_ARRAYS) & set(arrays) - {"stacks"}:
            if arrays[name].shape != shape[:1]:
                raise ValueError(
                    f"{path}: `{name}` must be ({shape[0]},), one per row of "
                    f"`stacks`. Received: {arrays[name].shape}"
                )
        self.num_rows = shape[0]
        self.has_parts = "split" in arrays

    def cut(self, rows: int) -> list[Span]:
        """Cuts the rows into spans of this many, numbered from 1."""
        return spans_of_size(1, self.num_rows + 1, rows)

    def read(self, span: Span) -> Iterator[Chunk]:
        """Reads a span, chunk by chunk."""
        for start, stop in chunks_of(span, self.num_rows):
            columns = {
                name: array.rows(start, stop)
                for name, array in self._arrays.items()
                if name in _ARRAYS
            }
            # Beyond float32 is infinite, which is told as such.
            with np.errstate(over="ignore"):
                stacks = columns["stacks"].astype(np.float32)
            yield Chunk(
                start + 1,
                stacks.reshape(-1, *self.stack_shape),
                columns["labels"].tolist(),
                [str(key) for key in columns.get("ids", np.empty(0)).tolist()],
                columns.get("texts", np.empty(0)).tolist(),
            )

    def read_parts(self) -> Iterator[list[str | None]]:
        """Reads the column of the parts, chunk by chunk."""
        for start, stop in chunks_of(WHOLE, self.num_rows):
            yield self._arrays["split"].rows(start, stop).tolist()


def open_npz(path: pathlib.Path) -> NpzVectors:
    """Opens an `.npz` file; reads its headers.

    Raises:
        ValueError: If it is damaged, holds Python objects, or arrays of it are
            missing or have the wrong shape.
    """
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as file:
            members = {
                info.filename.removesuffix(".npy"): info
                for info in archive.infolist()
            }
            if not {"stacks", "labels"} <= members.keys():
                raise ValueError(
                    f"{path} must have the arrays `stacks` and `labels`. "
                    f"Received: {sorted(members)}. Write it with numpy.savez("
                    "path, stacks=..., labels=...)."
                )
            return NpzVectors(
                path,
                {
                    name: _open(path, file, members[name])
                    for name in _ARRAYS
                    if name in members
                },
            )
    except (zipfile.BadZipFile, struct.error, EOFError) as error:
        raise ValueError(
            f"{path}: expected a whole .npz file. Received: one that cannot "
            f"be read ({error}). Write it again with numpy.savez."
        ) from error


def _open(path: pathlib.Path, file: Any, info: zipfile.ZipInfo) -> _Array:
    name = info.filename.removesuffix(".npy")
    if info.compress_type != zipfile.ZIP_STORED:
        return _load(path, name, info.file_size)
    file.seek(info.header_offset)
    header = file.read(_LOCAL_HEADER)
    file.seek(sum(struct.unpack("<HH", header[26:])), 1)
    version = np.lib.format.read_magic(file)
    shape, is_fortran, dtype = _HEADERS[version](file)
    _refuse_objects(path, name, dtype)
    if is_fortran and len(shape) > 1:
        raise ValueError(
            f"{path}: `{name}` must be in C order, row after row. Received: "
            "Fortran order. Save numpy.ascontiguousarray of it."
        )
    end = file.tell() + int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if end > path.stat().st_size:
        raise ValueError(
            f"{path}: `{name}` must have {shape} values. Received: a shorter "
            "file. It is damaged: write it again."
        )
    return _Array(path, file.tell(), dtype, shape)


def _load(path: pathlib.Path, name: str, size: int) -> _Array:
    """Loads an array that is compressed."""
    if size > _MOST_IN_MEMORY:
        raise ValueError(
            f"{path}: a compressed array may have up to {_MOST_IN_MEMORY:,} "
            f"bytes, as it is held in memory. Received: {size:,} of `{name}`. "
            "Write the file with numpy.savez instead of savez_compressed, or "
            "as Parquet."
        )
    try:
        with np.load(path) as arrays:
            array = np.ascontiguousarray(arrays[name])
    except ValueError:  # it would be unpickled
        _refuse_objects(path, name, np.dtype(object))
        raise
    return _Array(path, 0, array.dtype, array.shape, array)


def _refuse_objects(
    path: pathlib.Path, name: str, dtype: np.dtype[Any]
) -> None:
    if dtype.hasobject:
        raise ValueError(
            f"{path}: `{name}` must be {_ARRAYS[name][1]}. Received: Python "
            "objects, which are not unpickled. Convert it, as by astype(str)."
        )
