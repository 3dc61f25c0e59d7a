"""Comprehensiveness and sufficiency, checked by hand."""

import numpy as np

from trainers.explanations import word_removal


def test_the_most_important_words_go_first_and_at_least_one():
    contributions = np.array([0.1, 3.0, -2.0, 3.0, 0.0])
    removed, kept = word_removal.keep_masks(contributions)
    # Of five words: one for 1, 5, 10 and 20%, three for 50%.
    np.testing.assert_array_equal(
        kept[:4], [[False, True, False, False, False]] * 4
    )
    np.testing.assert_array_equal(kept[4], [True, True, False, True, False])
    np.testing.assert_array_equal(removed, ~kept)


def test_a_share_that_is_a_whole_number_of_words_is_not_rounded_up():
    _, kept = word_removal.keep_masks(np.arange(100.0))
    np.testing.assert_array_equal(kept.sum(axis=1), [1, 5, 10, 20, 50])
    _, kept = word_removal.keep_masks(np.arange(20.0))
    np.testing.assert_array_equal(kept.sum(axis=1), [1, 1, 2, 4, 10])


def test_drops_are_means_over_the_shares():
    margins = np.array([[2.0, 1.0, 0.0, -1.0, -2.0], [0.0, 0.5, 1.0, 1.5, 2.0]])
    assert word_removal.drops(2.0, margins) == (2.0, 1.0)


def test_of_an_additive_margin_no_order_is_better_than_its_terms():
    rng = np.random.default_rng(0)
    terms = rng.normal(size=30)

    def score(contributions):
        margins = word_removal.keep_masks(contributions) @ terms
        return word_removal.drops(terms.sum(), margins)

    comprehensiveness, sufficiency = score(terms)
    for _ in range(20):
        removed, kept = score(rng.normal(size=30))
        assert removed < comprehensiveness
        assert kept > sufficiency
