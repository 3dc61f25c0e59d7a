"""The examples of a split as arrays, and the order in which they are drawn."""

import dataclasses
import math
import pathlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from text2image import devices
from tfrecords import paths, reader, schema

# TensorFlow's kernels refuse tensors that start elsewhere.
_ALIGNMENT = 64  # bytes


def empty(shape: tuple[int, ...]) -> np.ndarray:
    """Returns a float32 array that `share` gives away without a copy."""
    num_bytes = 4 * math.prod(shape)
    buffer = np.empty(num_bytes + _ALIGNMENT, np.uint8)
    start = -buffer.ctypes.data % _ALIGNMENT
    values = buffer[start : start + num_bytes].view(np.float32)
    return values.reshape(shape)


def share(values: np.ndarray) -> tf.Tensor:
    """Puts an array on the device whole.

    On a CPU, an array of `empty` and its tensor share their memory: features
    fill much of it and must not be there twice.
    """
    is_aligned = values.size and values.ctypes.data % _ALIGNMENT == 0
    if is_aligned and not devices.has_gpu():
        return tf.experimental.dlpack.from_dlpack(values.__dlpack__())
    return tf.constant(values)


class RowFile:
    """Rows of float32 in `.npy` files, of which a few are read at a time.

    They are read, not memory-mapped: their pages do not count as memory of the
    process, and another thread may compute meanwhile.
    """

    def __init__(self, *paths: pathlib.Path) -> None:
        """Takes the paths of complete files, which continue one another."""
        headers = [_read_header(path) for path in paths]
        self._paths = paths
        self._offsets = [offset for _, _, offset in headers]
        self._starts = np.cumsum([0, *(shape[0] for shape, _, _ in headers)])
        shape, self.dtype, _ = headers[0]
        self.shape = (int(self._starts[-1]), *shape[1:])

    def __len__(self) -> int:
        """Returns the number of rows."""
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Returns the rows of a slice or an index array."""
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        values = empty((len(rows), *self.shape[1:]))
        size = 4 * math.prod(self.shape[1:])
        parts = np.searchsorted(self._starts, rows, "right") - 1
        for part in np.unique(parts):
            places = np.flatnonzero(parts == part)
            with self._paths[part].open("rb", buffering=0) as file:
                for place in places:
                    row = int(rows[place] - self._starts[part])
                    file.seek(self._offsets[part] + size * row)
                    file.readinto(values[place].data)
        return values


def _read_header(path: pathlib.Path) -> tuple[tuple[int, ...], np.dtype, int]:
    """Reads shape, dtype and offset of the values; a file may have no row."""
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        return shape, dtype, file.tell()


@dataclasses.dataclass(frozen=True)
class Inputs:
    """A split from which batches can be drawn in any order.

    Attributes:
        values: Float32 feature maps `(N, h, w, M)`, linear codes
            `(N, h, w, S)` or images `(N, H, W, C)`, in memory or in a file.
        labels: `(N,)` int32.
        ids: N record ids, in the order of the records.
    """

    values: np.ndarray | RowFile
    labels: np.ndarray
    ids: list[str]


def read_images(
    records: paths.Path,
    split: str,
    manifest: schema.Manifest,
    batch_size: int = 64,
    rows: range | None = None,
) -> Iterator[dict[str, Any]]:
    """Reads `image` records in their order.

    Args:
        records: Directory of the records.
        split: Name of the split.
        manifest: Manifest of the records.
        batch_size: Examples per batch.
        rows: As of `reader.read_records`.

    Yields:
        Batches as `reader.read_records` gives them, with `image` as numpy.

    Raises:
        ValueError: If an image is not finite.
    """
    num_read = rows.start if rows else 0
    for batch in reader.read_records(
        records, split, batch_size=batch_size, manifest=manifest, rows=rows
    ):
        images = batch["image"].numpy()
        if not np.isfinite(images).all():
            raise ValueError(
                f"{records}, {split}: an image among records {num_read}-"
                f"{num_read + len(images) - 1} is not finite. Run python -m "
                f"tfrecords.verify {records}"
            )
        num_read += len(images)
        yield {**batch, "image": images}


def predict(
    model: keras.Model,
    values: np.ndarray | tf.Tensor | dict[str, np.ndarray],
) -> np.ndarray:
    """Runs a model on one batch in inference mode."""
    return np.asarray(model.predict_on_batch(values))


def predict_all(
    model: keras.Model,
    values: np.ndarray | RowFile | tf.Tensor,
    batch_size: int,
) -> np.ndarray:
    """Runs a model on all rows, batch by batch, in order."""
    return np.concatenate(
        [
            predict(model, values[start : start + batch_size])
            for start in range(0, len(values), batch_size)
        ]
    )


def count_batches(num_examples: int, batch_size: int) -> int:
    """Returns the number of batches that `epoch_batches` yields."""
    whole, rest = divmod(num_examples, batch_size)
    return whole + (rest > 1 or num_examples == 1)


def epoch_batches(
    num_examples: int,
    batch_size: int,
    seed: int,
    epoch: int,
    *,
    drops_single: bool = True,
) -> Iterator[np.ndarray]:
    """Yields the row numbers of each batch of an epoch, ascending.

    Every row is drawn once, in an order that depends on `seed` and `epoch`
    alone. A last batch of a single row is left out with `drops_single`, because
    batch norm cannot train on it.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(num_examples)
    for start in range(0, num_examples, batch_size):
        rows = order[start : start + batch_size]
        if len(rows) > 1 or num_examples == 1 or not drops_single:
            yield np.sort(rows)  # ascending rows read a file front to back
