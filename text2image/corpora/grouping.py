"""Groups of equal digests, in 24 bytes per digest at most."""

from collections.abc import Iterator

import numpy as np

from text2image.corpora.folding import DIGEST_SIZE

_CHUNK = DIGEST_SIZE << 12  # bytes; one array that grows would be copied
_SHIFT, _BUCKETS = 2, 64  # by the first six bits of a digest


class Digests:
    """Digests in the order in which they are added."""

    def __init__(self) -> None:
        """Starts without any."""
        self._chunks: list[bytes] = []
        self._last = bytearray()

    def __len__(self) -> int:
        """Number of digests."""
        size = len(self._chunks) * _CHUNK + len(self._last)
        return size // DIGEST_SIZE

    def add(self, digest: bytes) -> None:
        """Adds a digest of 16 bytes."""
        self._last += digest
        if len(self._last) == _CHUNK:
            self._chunks.append(bytes(self._last))
            self._last.clear()

    def chunks(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yields the number of the first digest, and `(n, 16)` uint8."""
        every: list[bytes | bytearray] = [*self._chunks, self._last]
        for number, chunk in enumerate(every):
            array = np.frombuffer(chunk, np.uint8).reshape(-1, DIGEST_SIZE)
            yield number * (_CHUNK // DIGEST_SIZE), array


def number_groups(digests: Digests, is_used: np.ndarray) -> np.ndarray:
    """Numbers digests in the order of their bytes; equal ones have the same.

    Args:
        digests: N digests.
        is_used: `(N,)` whether a digest counts.

    Returns:
        `(N,)` int32; undefined for digests that are not used.
    """
    numbers = np.empty(len(digests), np.int32)
    num_groups = 0
    for bucket in range(_BUCKETS):
        rows, members = [], []
        for first, chunk in digests.chunks():
            used = is_used[first : first + len(chunk)]
            here = np.flatnonzero((chunk[:, 0] >> _SHIFT == bucket) & used)
            rows.append(here + first)
            members.append(chunk[here])
        bucket_digests = np.concatenate(members).view(f"V{DIGEST_SIZE}")[:, 0]
        unique, inverse = np.unique(bucket_digests, return_inverse=True)
        numbers[np.concatenate(rows)] = inverse + num_groups
        num_groups += len(unique)
    return numbers
