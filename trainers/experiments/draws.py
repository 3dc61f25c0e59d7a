"""Small train sets, drawn from a train split: stratified, seeded, nested."""

import numpy as np


def draw(
    labels: np.ndarray,
    size: int,
    *,
    seed: int,
    number: int,
    per_class: bool = False,
) -> np.ndarray:
    """Draws rows of a train split.

    Draws of one number are nested: a larger one begins with the smaller one.
    Every class occurs that the size has room for; beyond that, the shares of
    the classes are those of the split, up to one text.

    Args:
        labels: `(N,)` int, of the train split.
        size: Number of rows; all of them if there are fewer.
        seed: Seed of all draws.
        number: Number of the draw, from 0.
        per_class: Whether `size` is the number of rows of each class.

    Returns:
        `(n,)` int64 row numbers, classes mixed.
    """
    shuffled = np.random.default_rng([seed, number]).permutation(len(labels))
    ranks = ranks_in_class(labels[shuffled])
    counts = np.bincount(labels)[labels[shuffled]]
    places = np.where(ranks, (ranks + 0.5) / counts, 0.0)
    order = np.argsort(places, kind="stable")
    order = order[ranks[order] < size] if per_class else order[:size]
    return shuffled[order]


def ranks_in_class(labels: np.ndarray) -> np.ndarray:
    """Counts, for each row, the rows before it with its label; `(N,)` int."""
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], labels[order])
    ranks = np.empty(len(labels), np.int64)
    ranks[order] = np.arange(len(labels)) - starts
    return ranks


def count_draws(num_rows: int, size: int, most: int) -> int:
    """Returns how many draws of a size are made.

    As many as would be disjoint: draws of most of a split are alike, and the
    whole split is a single draw.

    Args:
        num_rows: Rows of the train split.
        size: Rows of a draw, at least 1.
        most: Draws at most.
    """
    return min(most, max(num_rows // size, 1))
