"""Tokenised texts, on their way to the encoder."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Tokens:
    """Tokenised texts.

    Attributes:
        ids: Kept token ids, padded to the longest row, `(W, T)` int32: a row
            per text, or per window of one.
        lengths: Tokens of each text before any cut, `(N,)` int32.
        kept: Tokens of each row after the cut, `(W,)` int32.
        num_unknown: Number of `[UNK]` among the kept.
        texts: The text of each row, `(W,)` ascending; `None` where rows are
            texts.
    """

    ids: np.ndarray
    lengths: np.ndarray
    kept: np.ndarray
    num_unknown: int
    texts: np.ndarray | None = None

    def __len__(self) -> int:
        """Number of texts."""
        return len(self.lengths)

    def count(self, rows: np.ndarray) -> int:
        """Counts the texts whose first row is among some rows."""
        if self.texts is None:
            return len(rows)
        is_first = np.diff(self.texts, prepend=-1) > 0
        return int(is_first[rows].sum())

    def average(self, stacks: np.ndarray) -> np.ndarray:
        """Averages stacks `(W, L, D)` of rows to those of texts, `(N, L, D)`.

        In the order of the rows, so that the same rows give the same bits.
        """
        if self.texts is None or not len(self):
            return stacks
        counts = np.bincount(self.texts)
        starts = np.cumsum(counts) - counts
        sums = np.add.reduceat(stacks, starts, axis=0)
        return sums / counts[:, None, None].astype(np.float32)
