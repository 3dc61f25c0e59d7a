"""Shapley values of a few players, exactly."""

import math

import numpy as np


def shapley_values(worths: np.ndarray) -> np.ndarray:
    """Divides what all players are worth together among them.

    A player gets the mean, over all orders in which players can join, of what
    it adds when it joins. Source: Shapley 1953, "A Value for n-Person Games".

    Args:
        worths: Worth of each coalition, `(2,) * m`: index 1 on an axis means
            that the axis's player has joined.

    Returns:
        `(m,)` float64; they sum to the worth of all less that of nobody.
    """
    worths = np.asarray(worths, float)
    players = worths.ndim
    if not players:
        return np.zeros(0)
    others = np.indices((2,) * (players - 1)).sum(axis=0)  # already there
    weights = np.array(
        [1 / (players * math.comb(players - 1, n)) for n in range(players)]
    )[np.asarray(others, int)]
    return np.array(
        [
            (weights * (worths.take(1, axis) - worths.take(0, axis))).sum()
            for axis in range(players)
        ]
    )
