"""Draws of train texts: nested, stratified, seeded."""

import hypothesis
import hypothesis.strategies as st
import numpy as np

from trainers.experiments import draws

LABELS = st.lists(st.integers(0, 4), min_size=2, max_size=60).map(np.array)


@hypothesis.given(LABELS, st.integers(2, 70), st.integers(0, 3))
def test_draws_are_nested_and_hold_no_row_twice(labels, size, number):
    larger = draws.draw(labels, size + 3, seed=1, number=number)
    smaller = draws.draw(labels, size, seed=1, number=number)
    np.testing.assert_array_equal(larger[: len(smaller)], smaller)
    assert len(smaller) == min(size, len(labels))
    assert len(set(larger.tolist())) == len(larger)
    assert set(larger.tolist()) <= set(range(len(labels)))


@hypothesis.given(LABELS, st.integers(2, 60))
def test_a_draw_has_every_class_and_the_shares_of_the_split(labels, size):
    drawn = labels[draws.draw(labels, size, seed=0, number=0)]
    classes, counts = np.unique(labels, return_counts=True)
    assert len(np.unique(drawn)) == min(len(classes), size)
    # One text of each class comes first, whatever its share.
    for label, count in zip(classes, counts, strict=True):
        share = count / len(labels) * len(drawn)
        assert abs((drawn == label).sum() - share) <= len(classes)


def test_per_class_takes_as_many_of_each_class_or_all(rng):
    labels = np.repeat([0, 1, 2], [3, 20, 40])
    drawn = labels[draws.draw(labels, 10, seed=0, number=0, per_class=True)]
    assert np.bincount(drawn).tolist() == [3, 10, 10]


def test_numbers_and_seeds_give_different_draws():
    labels = np.arange(200) % 2
    rows = [
        tuple(draws.draw(labels, 20, seed=seed, number=number))
        for seed, number in ((0, 0), (0, 1), (1, 0), (0, 0))
    ]
    assert len(set(rows)) == 3
    assert rows[0] == rows[-1]


def test_as_many_draws_as_would_be_disjoint():
    counts = [draws.count_draws(10_000, n, 5) for n in (10, 3_000, 10_000)]
    assert counts == [5, 3, 1]


@hypothesis.given(LABELS)
def test_ranks_count_the_rows_before(labels):
    expected = [
        (labels[:row] == label).sum() for row, label in enumerate(labels)
    ]
    assert draws.ranks_in_class(labels).tolist() == expected
