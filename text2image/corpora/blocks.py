"""Array operations whose memory is that of their results.

NumPy converts what indexes an array to int64, 8 bytes per entry; in blocks,
these are few.
"""

from collections.abc import Iterator

import numpy as np

_SIZE = 1 << 14
MOST = np.iinfo(np.int32).max


def blocks(count: int) -> Iterator[slice]:
    """Slices that cover `count` entries."""
    for start in range(0, count, _SIZE):
        yield slice(start, min(start + _SIZE, count))


def take(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Returns `values[index]`, `(N,)`, for `index` of `(N,)`."""
    taken = np.empty(len(index), values.dtype)
    for block in blocks(len(index)):
        taken[block] = values[index[block]]
    return taken


def where(mask: np.ndarray) -> np.ndarray:
    """Returns the positions at which a mask `(N,)` is true, int32."""
    positions = np.empty(np.count_nonzero(mask), np.int32)
    at = 0
    for block in blocks(len(mask)):
        here = np.flatnonzero(mask[block])
        positions[at : at + len(here)] = here + block.start
        at += len(here)
    return positions


def count(index: np.ndarray, length: int) -> np.ndarray:
    """Counts each value of `index`, from 0 to `length` - 1; int32."""
    counts = np.zeros(length, np.int32)
    for block in blocks(len(index)):
        np.add.at(counts, index[block], 1)
    return counts
