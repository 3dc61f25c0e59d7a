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
    expected = scipy.stats.wilcoxon(right.mean(axis=0) - other.mean(axis=0))
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
