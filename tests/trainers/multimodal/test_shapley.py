"""Shapley values against the mean over all orders."""

import itertools

import numpy as np
import pytest

from trainers.multimodal.shapley import shapley_values


def mean_over_orders(worths):
    """The definition: players join one by one, in every order."""
    players = worths.ndim
    gains = np.zeros(players)
    orders = list(itertools.permutations(range(players)))
    for order in orders:
        joined = [0] * players
        for player in order:
            before = worths[tuple(joined)]
            joined[player] = 1
            gains[player] += worths[tuple(joined)] - before
    return gains / len(orders)


@pytest.mark.parametrize("players", [0, 1, 2, 3, 4])
def test_they_are_the_mean_over_all_orders(rng, players):
    worths = rng.normal(size=(2,) * players)
    found = shapley_values(worths)
    assert found.shape == (players,)
    np.testing.assert_allclose(found, mean_over_orders(worths), atol=1e-12)
    total = worths[(1,) * players] - worths[(0,) * players]
    assert found.sum() == pytest.approx(total)


def test_two_right_gloves_and_a_left_one():
    # A pair is worth 1: the textbook's answer is 1/6, 1/6 and 2/3.
    worths = np.zeros((2, 2, 2))
    worths[1, 0, 1] = worths[0, 1, 1] = worths[1, 1, 1] = 1
    np.testing.assert_allclose(shapley_values(worths), [1 / 6, 1 / 6, 2 / 3])
