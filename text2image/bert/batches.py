"""The fixed set of shapes in which texts are encoded."""

import bisect
import dataclasses
from collections.abc import Iterator

import numpy as np

STEP = 16  # widths are multiples of it


@dataclasses.dataclass(frozen=True)
class Batch:
    """Some texts that are encoded together.

    Attributes:
        texts: Indices of the texts.
        rows: Rows of the padded batch; those without a text are padding.
        width: Tokens of each row, padding included.
    """

    texts: np.ndarray
    rows: int
    width: int


@dataclasses.dataclass(frozen=True)
class Shapes:
    """A set of batch shapes.

    Attributes:
        widths: Padded numbers of tokens, ascending; the last holds any text.
        tokens_per_batch: Tokens per batch, padding included.
    """

    widths: tuple[int, ...]
    tokens_per_batch: int

    def rows(self, width: int) -> int:
        """Returns the rows of every batch of a width."""
        return max(1, self.tokens_per_batch // width)

    def width_of(self, length: int) -> int:
        """Returns the smallest width that holds a text."""
        return self.widths[bisect.bisect_left(self.widths, length)]

    def batches(self, lengths: np.ndarray) -> Iterator[Batch]:
        """Deals texts out to batches, longest first.

        Args:
            lengths: Tokens kept of each text.
        """
        order = np.argsort(-lengths, kind="stable")
        while len(order):
            width = self.width_of(int(lengths[order[0]]))
            rows = self.rows(width)
            yield Batch(order[:rows], rows, width)
            order = order[rows:]


def choose_widths(
    lengths: np.ndarray,
    num_texts: int,
    *,
    max_tokens: int,
    most: int,
    compilation_tokens: float,
) -> tuple[int, ...]:
    """Chooses the widths with which a corpus takes the least time.

    By dynamic programming over multiples of `STEP`: minimises the padded tokens
    of the corpus plus `compilation_tokens` for each width.

    Args:
        lengths: Tokens kept of each text of a sample, at most `max_tokens`.
        num_texts: Number of texts of the corpus.
        max_tokens: Most tokens kept per text.
        most: Most widths.
        compilation_tokens: Tokens that are encoded in the time that one
            compilation takes.

    Returns:
        Widths, ascending; the last is `max_tokens`.
    """
    candidates = np.array([*range(STEP, max_tokens, STEP), max_tokens])
    count = len(candidates)
    texts_per_width = np.bincount(
        np.searchsorted(candidates, lengths), minlength=count
    )
    # cumulative[j]: texts that candidate j - 1 holds.
    cumulative = np.concatenate([[0], texts_per_width.cumsum()])
    # least[k, j]: fewest padded tokens of those texts with k widths, of which
    # the largest is candidate j - 1; previous[k, j]: the j of the next smaller.
    most = min(most, count)
    least = np.full((most + 1, count + 1), np.inf)
    least[0, 0] = 0
    previous = np.zeros((most + 1, count + 1), int)
    for k in range(1, most + 1):
        for j in range(1, count + 1):
            tokens = (
                least[k - 1, :j]
                + (cumulative[j] - cumulative[:j]) * candidates[j - 1]
            )
            previous[k, j] = tokens.argmin()
            least[k, j] = tokens.min()
    costs = (
        least[1:, count] * num_texts / max(len(lengths), 1)
        + np.arange(1, most + 1) * compilation_tokens
    )
    widths = []
    k, j = int(costs.argmin()) + 1, count
    while k:
        widths.append(int(candidates[j - 1]))
        k, j = k - 1, int(previous[k, j])
    return tuple(reversed(widths))
