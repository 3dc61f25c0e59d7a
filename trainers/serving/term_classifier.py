"""TF-IDF and a linear classifier as TensorFlow ops: strings to logits.

Value of a term in a text: (1 + ln count) * (1 + ln((1 + N) / (1 + n))), of N
train texts n with the term; the values of each kind of terms are divided by
their length. Source: scikit-learn's TfidfVectorizer, sublinear_tf=True.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from trainers.serving import terms


@dataclasses.dataclass(frozen=True)
class TermWeights:
    """What the classifier has learnt.

    Attributes:
        kinds: Kinds of terms, of `terms.KINDS`.
        vocabulary: Hashes of V terms, `(V,)` int64: all of the first kind,
            ascending, then all of the second.
        sizes: Number of terms of each kind.
        idf: Weight of each term, `(V,)` float32.
        kernel: `(V, K)` float32.
        bias: `(K,)` float32.
    """

    kinds: tuple[str, ...]
    vocabulary: np.ndarray
    sizes: tuple[int, ...]
    idf: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray


class TermClassifier:
    """The ops, with their variables.

    Attributes:
        constants: Every variable that `logits` reads.
    """

    def __init__(self, weights: TermWeights) -> None:
        """Makes a variable of every array."""
        self._kinds = weights.kinds
        self._starts = np.cumsum([0, *weights.sizes])
        arrays = ("vocabulary", "idf", "kernel", "bias")
        self.constants = [
            tf.Variable(
                getattr(weights, name), trainable=False, name=f"terms_{name}"
            )
            for name in arrays
        ]

    def logits(self, text: tf.Tensor) -> tf.Tensor:
        """`(N,)` strings to `(N, K)` float32."""
        _, _, kernel, bias = self.constants
        rows, columns, values = self.values(text)
        parts = values[:, tf.newaxis] * tf.gather(kernel, columns)
        sums = tf.math.unsorted_segment_sum(parts, rows, tf.size(text))
        return sums + bias

    def values(self, text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """`(N,)` strings to rows, columns and values `(n,)` of their terms."""
        found = [
            self._values_of(ragged, number, tf.size(text))
            for number, ragged in enumerate(
                terms.hashes(text, self._kinds).values()
            )
        ]
        rows, columns, values = (
            tf.concat(part, axis=0) for part in zip(*found, strict=True)
        )
        return rows, columns, values

    def _values_of(
        self, ragged: tf.RaggedTensor, number: int, num_texts: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Rows, columns and values of one kind of terms."""
        vocabulary, idf = self.constants[:2]
        start, stop = self._starts[number : number + 2]
        known = vocabulary[start:stop]
        size = int(stop - start)
        position = tf.range(1, tf.size(ragged.flat_values) + 1, dtype=tf.int64)
        row = tf.searchsorted(ragged.row_splits[1:], position)
        column = tf.searchsorted(known, ragged.flat_values)
        column = tf.minimum(column, size - 1)
        is_known = tf.gather(known, column) == ragged.flat_values
        row, column = (tf.boolean_mask(x, is_known) for x in (row, column))
        key = tf.cast(row, tf.int64) * size + tf.cast(column, tf.int64)
        key, index = tf.unique(key)
        num = tf.size(key)
        counts = tf.math.unsorted_segment_sum(
            tf.ones_like(index, tf.float32), index, num
        )
        row = tf.math.unsorted_segment_max(row, index, num)
        column = tf.math.unsorted_segment_max(column, index, num) + int(start)
        values = (1 + tf.math.log(counts)) * tf.gather(idf, column)
        squares = tf.math.unsorted_segment_sum(values**2, row, num_texts)
        return row, column, values * tf.math.rsqrt(tf.gather(squares, row))
