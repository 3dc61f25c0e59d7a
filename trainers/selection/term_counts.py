"""How often each term is in each text, as a sparse matrix."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import scipy.sparse
import tensorflow as tf

from trainers.serving import functions, terms

_BATCH = 512
_NO_TERM = -1  # no hash is negative
# Pairs of a text and a term of it; each takes about 40 bytes while it is
# counted.
MOST_PAIRS = 100_000_000


@dataclasses.dataclass(frozen=True)
class TermCounts:
    """The terms of one kind in N texts.

    Attributes:
        vocabulary: Hashes of the V terms that are counted, `(V,)` int64,
            ascending; if no text has any, one that no text can have.
        counts: `(N, V)` float64.
    """

    vocabulary: np.ndarray
    counts: scipy.sparse.csr_matrix


def count(
    texts: Sequence[str], kind: str, vocabulary: np.ndarray | None = None
) -> TermCounts:
    """Counts terms.

    Args:
        texts: N texts.
        kind: One of `terms.KINDS`.
        vocabulary: Hashes of the terms to count, ascending; by default all.

    Raises:
        MemoryError: If there are too many for memory.
    """
    hashes = tf.function(
        lambda text: terms.hashes(text, (kind,))[kind],
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    every_term, every_count, lengths = [], [], []
    pairs = 0
    for start in range(0, len(texts), _BATCH):
        batch = [functions.encode(t) for t in texts[start : start + _BATCH]]
        ragged = hashes(tf.constant(batch))
        found, number = np.unique(ragged.values.numpy(), return_inverse=True)
        row = np.repeat(np.arange(len(batch)), np.diff(ragged.row_splits))
        keys, counts = np.unique(row * len(found) + number, return_counts=True)
        row, column = np.divmod(keys, max(len(found), 1))
        every_term.append(found[column])
        every_count.append(counts)
        lengths.append(np.bincount(row, minlength=len(batch)))
        pairs += len(keys)
        if pairs > MOST_PAIRS:
            raise MemoryError(
                f"TF-IDF of {kind} takes at most {MOST_PAIRS:,} pairs of a "
                f"text and a term of it. Received: more, in the first "
                f"{start + len(batch):,} of {len(texts):,} texts. Use "
                f"--limit_train={start}."
            )
    flat = np.concatenate(every_term)
    values = np.concatenate(every_count).astype(np.float64)
    starts = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
    if vocabulary is None:
        vocabulary, column = np.unique(flat, return_inverse=True)
        if not len(vocabulary):
            vocabulary = np.array([_NO_TERM])
    else:
        column = np.searchsorted(vocabulary, flat)
        column = np.minimum(column, len(vocabulary) - 1)
        values[vocabulary[column] != flat] = 0
    shape = (len(texts), len(vocabulary))
    counts = scipy.sparse.csr_matrix((values, column, starts), shape)
    counts.eliminate_zeros()
    counts.sort_indices()
    return TermCounts(vocabulary, counts)
