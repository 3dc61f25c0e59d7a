"""Arrays as the bytes of an .npz file, on a disk or in a store."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfrecords.paths import Path


def to_bytes(arrays: Mapping[str, Any]) -> bytes:
    """Returns the bytes of a file with these arrays, in their order."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def read(path: Path) -> dict[str, np.ndarray]:
    """Reads the arrays of a file."""
    with np.load(io.BytesIO(path.read_bytes())) as arrays:
        return {name: arrays[name] for name in arrays.files}
