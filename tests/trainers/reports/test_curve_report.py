"""The report of a learning curve: figures, bands, paired comparison."""

import numpy as np
import pytest
import scipy.stats

from trainers.experiments.curve_methods import METHODS
from trainers.reports import curve_report


def _draws(right):
    return [
        {"draw": number, "right": "".join("01"[int(each)] for each in row)}
        for number, row in enumerate(right)
    ]


def test_every_method_has_a_title():
    assert list(curve_report.TITLES) == list(METHODS)


def test_the_comparison_is_paired_over_draws_and_texts(rng):
    other = rng.random((3, 400)) < 0.7
    right = other.copy()
    right[:, :40] = True  # a gain on some texts, in every draw
    mean, low, high, p_value, above = curve_report.compare(
        _draws(right), _draws(other)
    )
    assert mean == pytest.approx(right.mean() - other.mean())
    assert 0 < low < mean < high
    assert above == 3
    gains = right.astype(int) - other
    expected = scipy.stats.wilcoxon(gains.sum(axis=0))
    assert p_value == pytest.approx(expected.pvalue)


def test_the_interval_covers_draws_that_differ():
    # No text tells the methods apart within a draw; the draws do.
    right = np.array([[True] * 50, [False] * 50])
    other = ~right
    mean, low, high, *_ = curve_report.compare(_draws(right), _draws(other))
    assert mean == 0
    assert (low, high) == (-1, 1)


def test_draws_that_one_method_lacks_are_left_out(rng):
    right = rng.random((3, 50)) < 0.5
    mean, *_ = curve_report.compare(_draws(right[:2]), _draws(right[1:2]))
    assert mean == pytest.approx(right[0].mean() - right[1].mean())


def test_equal_gains_share_a_rank(rng):
    # As shares of ten draws, 0.3 - 0.2 and 0.2 - 0.1 differ in the last bits.
    right, other = rng.random((2, 10, 60)) < 0.5
    *_, p_value, _ = curve_report.compare(_draws(right), _draws(other))
    gains = right.astype(int) - other
    expected = scipy.stats.wilcoxon(gains.sum(axis=0)).pvalue
    assert p_value == pytest.approx(expected, rel=1e-12)


def test_methods_with_fewer_draws_are_told():
    def draws(count):
        return [{"accuracy": 0.5} for _ in range(count)]

    results = {8: {"lr_stacks": draws(2), "tfidf": draws(5)}}
    assert "| 8 | 2 to 5 |" in curve_report._table(results, "accuracy")[-1]
