"""Comprehensiveness and sufficiency: what a margin is without some words.

Source: DeYoung et al. 2020, arXiv 1911.03429, section 4.2, with its shares of
the words; in margins instead of probabilities, which saturate.
"""

import math

import numpy as np

# Shares of the words of a text that are removed, or alone kept.
SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)


def keep_masks(contributions: np.ndarray) -> np.ndarray:
    """Lists the words that stay when the most important go, or alone stay.

    Args:
        contributions: Contribution of each of n words, `(n,)`; the highest
            come first, words with the same in their order.

    Returns:
        `(2, S, n)` bool for the S `SHARES`: words that stay when the share is
        removed, and when it alone is kept. At least one word is removed or
        kept.
    """
    order = np.argsort(-contributions, kind="stable")
    rank = np.empty(len(order), int)
    rank[order] = np.arange(len(order))
    # Rounded first: 0.05 * 20 is a little more than 1.
    counts = [math.ceil(round(share * len(rank), 9)) for share in SHARES]
    is_first = rank < np.array(counts)[:, None]
    return np.stack([~is_first, is_first])


def drops(margin: float, margins: np.ndarray) -> tuple[float, float]:
    """Averages by how much the margin drops, over the shares.

    Args:
        margin: Margin of the whole text.
        margins: `(2, S)`, margins of the texts of `keep_masks`.

    Returns:
        Comprehensiveness (high is good: the removed words mattered) and
        sufficiency (low is good: the kept words are enough).
    """
    removed, kept = (margin - margins).mean(axis=1)
    return float(removed), float(kept)
