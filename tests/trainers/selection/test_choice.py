"""The rule that chooses: in doubt the simpler candidate."""

import numpy as np
import pytest

from trainers.selection import choice
from trainers.selection.choice import Predictions


def noisy(labels, share, seed, rows=None):
    """Predictions of which about `share` are right."""
    rng = np.random.default_rng(seed)
    rows = np.arange(len(labels)) if rows is None else rows
    right = rng.random(len(rows)) < share
    chosen = np.where(right, labels[rows], 1 - labels[rows])
    probabilities = np.full((len(rows), 2), 0.3)
    probabilities[np.arange(len(rows)), chosen] = 0.7
    return Predictions(rows, np.log(probabilities))


@pytest.fixture
def labels(rng):
    return rng.integers(0, 2, 1000)


def test_a_clearly_better_candidate_is_chosen(labels):
    candidates = {"a": noisy(labels, 0.7, 1), "b": noisy(labels, 0.8, 2)}
    assert choice.simplest_of_the_best(candidates, labels) == "b"


def test_noise_does_not_beat_the_simplest(labels):
    simplest = noisy(labels, 0.8, 1)
    one_more = simplest.log_probabilities.copy()
    (wrong,) = np.nonzero(~simplest.correct(labels))
    (right,) = np.nonzero(simplest.correct(labels))
    # Two become right and one wrong: one more, of three that differ.
    for row in (*wrong[:2], right[0]):
        one_more[row] = one_more[row][::-1]
    other = Predictions(simplest.rows, one_more)
    assert other.correct(labels).sum() == simplest.correct(labels).sum() + 1
    chosen = choice.simplest_of_the_best({"a": simplest, "b": other}, labels)
    assert chosen == "a"


def test_sharper_probabilities_alone_are_no_gain(labels):
    simplest = noisy(labels, 0.8, 1)
    sharp = Predictions(
        simplest.rows, choice.pool([simplest.log_probabilities], [3.0])
    )
    candidates = {"a": simplest, "b": sharp}
    assert choice.simplest_of_the_best(candidates, labels) == "a"


def test_candidates_are_compared_on_the_texts_that_both_predict(labels):
    part = np.arange(0, 1000, 2)
    everything = noisy(labels, 0.7, 1)
    perfect = noisy(labels, 1.0, 2, part)
    candidates = {"a": everything, "b": perfect}
    assert choice.simplest_of_the_best(candidates, labels) == "b"
    nothing = noisy(labels, 1.0, 2, part[:0])
    candidates = {"a": everything, "b": nothing}
    assert choice.simplest_of_the_best(candidates, labels) == "a"


def test_a_blend_is_no_less_likely_than_its_members(labels):
    first, second = noisy(labels, 0.7, 1), noisy(labels, 0.75, 2)
    weights, blended = choice.blend([first, second], labels)
    assert len(weights) == 2
    assert min(weights) > 0
    rows = np.arange(len(labels))
    best = blended.log_probabilities[rows, labels].mean()
    for member in (first, second):
        assert member.log_probabilities[rows, labels].mean() < best


def test_a_useless_member_gets_no_weight(labels):
    good = noisy(labels, 0.8, 1)
    bad = noisy(labels, 0.2, 2)
    weights, _ = choice.blend([good, bad], labels)
    assert weights[1] == 0
