"""Look-ups by code point, inside the TensorFlow graph."""

import numpy as np
import tensorflow as tf

from text2image.bert.characters import DOMAIN, NUM_CODES

# Most blocks of Unicode are alike and are kept once: 50 to 500 kB of constants
# per table instead of 4.4 MB.
_BITS = 8
_BLOCK = 1 << _BITS


class CodeTable:
    """A value for each code point; those above Unicode share one."""

    def __init__(self, values: np.ndarray) -> None:
        """Packs the values.

        Args:
            values: `(DOMAIN,)` integers that fit int32.
        """
        padded = np.zeros(-(-DOMAIN // _BLOCK) * _BLOCK, np.int32)
        padded[:DOMAIN] = values
        blocks, index = unique_rows(padded.reshape(-1, _BLOCK))
        self._blocks = blocks.ravel()
        self._index = (index << _BITS).astype(np.int32)

    def __call__(self, codes: tf.Tensor) -> tf.Tensor:
        """Returns the values of `(C,)` int32 code points, `(C,)` int32."""
        codes = tf.minimum(codes, NUM_CODES)
        high = tf.gather(self._index, tf.bitwise.right_shift(codes, _BITS))
        low = tf.bitwise.bitwise_and(codes, _BLOCK - 1)
        return tf.gather(self._blocks, high + low)


def unique_rows(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the distinct rows of a table and the index of each row in them.

    They are in the order of their first appearance: without the sort of
    `np.unique`, it takes a fiftieth of the time.
    """
    numbers: dict[bytes, int] = {}
    data, size = table.tobytes(), table.itemsize * table.shape[1]
    index = np.array(
        [
            numbers.setdefault(data[i : i + size], len(numbers))
            for i in range(0, len(data), size)
        ],
        np.int64,
    )
    unique = np.frombuffer(b"".join(numbers), table.dtype)
    return unique.reshape(-1, table.shape[1]), index


def shift(values: tf.Tensor, first: int | tf.Tensor) -> tf.Tensor:
    """Returns `(C,)` values moved one place on; `first` comes first."""
    first = tf.reshape(tf.cast(first, values.dtype), [1])
    return tf.concat([first, values], 0)[: tf.size(values)]


def begins(rows: tf.Tensor) -> tf.Tensor:
    """Returns where a text begins, `(C,)` bool.

    Args:
        rows: `(C,)` index of the text of each character, ascending.
    """
    return rows != shift(rows, -1)


def owners(splits: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Returns the segment to which each value belongs, `(V,)` int32.

    `tf.repeat` and `value_rowids` would hold the number of segments times the
    length of the longest.

    Args:
        splits: Where each segment begins, and V, `(S + 1,)`.
        size: V.
    """
    inner = splits[1:-1]
    begun = tf.math.unsorted_segment_sum(
        tf.ones_like(inner, tf.int32), inner, size + 1
    )
    return tf.cumsum(begun[:-1])
