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
        blocks, index = np.unique(
            padded.reshape(-1, _BLOCK), axis=0, return_inverse=True
        )
        self._blocks = blocks.ravel()
        self._index = (index.ravel() << _BITS).astype(np.int32)

    def __call__(self, codes: tf.Tensor) -> tf.Tensor:
        """Returns the values of `(C,)` int32 code points, `(C,)` int32."""
        codes = tf.minimum(codes, NUM_CODES)
        high = tf.gather(self._index, tf.bitwise.right_shift(codes, _BITS))
        low = tf.bitwise.bitwise_and(codes, _BLOCK - 1)
        return tf.gather(self._blocks, high + low)


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
