"""McNemar's test against its definition and scipy's other route to it."""

import numpy as np
import pytest
import scipy.stats

from trainers.experiments import significance


def answers(both, only_first, only_second, neither):
    first = [True] * both + [True] * only_first + [False] * only_second
    second = [True] * both + [False] * only_first + [True] * only_second
    return (
        np.array(first + [False] * neither),
        np.array(second + [False] * neither),
    )


@pytest.mark.parametrize(
    ("only_first", "only_second"), [(0, 5), (3, 3), (12, 4), (40, 61), (1, 0)]
)
def test_p_value_is_twice_the_smaller_tail(only_first, only_second):
    test = significance.mcnemar(*answers(10, only_first, only_second, 7))
    fewer, total = min(only_first, only_second), only_first + only_second
    tail = scipy.stats.binom.cdf(fewer, total, 0.5)
    assert test.p_value == pytest.approx(min(1.0, 2 * tail))
    assert (test.only_first, test.only_second) == (only_first, only_second)


def test_classifiers_that_never_differ_are_not_apart():
    assert significance.mcnemar(*answers(3, 0, 0, 2)).p_value == 1.0


def test_the_order_of_the_two_does_not_matter():
    first, second = answers(5, 9, 2, 1)
    one, other = (
        significance.mcnemar(first, second),
        significance.mcnemar(second, first),
    )
    assert one.p_value == other.p_value


def test_answers_to_other_texts_are_refused():
    with pytest.raises(ValueError, match=r"same texts.*\(3,\) and \(4,\)"):
        significance.mcnemar(np.zeros(3, bool), np.zeros(4, bool))


def test_wilcoxons_p_value_of_five_gains_is_that_of_the_signs():
    first, second = np.arange(5.0) + 1, np.zeros(5)
    # Of 32 sign patterns, all positive and all negative are this extreme.
    assert significance.wilcoxon(first, second) == 2 / 32


def test_equal_measures_have_the_p_value_1():
    values = np.arange(4.0)
    assert significance.wilcoxon(values, values) == 1.0
    with pytest.raises(ValueError, match="same texts"):
        significance.wilcoxon(values, values[1:])
