"""Rank correlations and their tests, against brute force."""

import itertools

import numpy as np
import pytest
import scipy.stats

from trainers.experiments import similarity_tests


def random_distances(rng, count):
    return similarity_tests.distances(rng.normal(size=(count, 3)))


def upper(matrix):
    return matrix[np.triu_indices(len(matrix), 1)]


def test_spearman_is_scipys_of_the_upper_triangles(rng):
    first, second = (random_distances(rng, 9) for _ in range(2))
    second = np.round(second)  # ties
    expected = scipy.stats.spearmanr(upper(first), upper(second)).statistic
    assert similarity_tests.spearman(first, second) == pytest.approx(expected)


@pytest.mark.parametrize("count", [3, 4, 5])
def test_small_mantel_tests_are_exact(rng, count):
    first, second = (random_distances(rng, count) for _ in range(2))
    observed = scipy.stats.spearmanr(upper(first), upper(second)).statistic
    every = [
        scipy.stats.spearmanr(
            upper(first), upper(second[np.ix_(order, order)])
        ).statistic
        for order in itertools.permutations(range(count))
    ]
    result = similarity_tests.mantel(first, second, permutations=9999, seed=0)
    assert result["orders"] == len(every)
    assert result["rho"] == pytest.approx(observed)
    assert result["p"] == np.mean(np.array(every) >= observed - 1e-9)
    assert result["p_opposite"] == np.mean(np.array(every) <= observed + 1e-9)


def test_large_mantel_tests_draw_orders_and_repeat_by_seed(rng):
    first = random_distances(rng, 10)
    same = similarity_tests.mantel(first, first, permutations=999, seed=1)
    assert same["orders"] == 1000
    assert same["rho"] == pytest.approx(1)
    assert same["p"] == 1 / 1000
    assert same["p_opposite"] == 1
    second = random_distances(rng, 10)
    results = [
        similarity_tests.mantel(first, second, permutations=999, seed=1)
        for _ in "12"
    ]
    assert results[0] == results[1]


def test_mantel_p_is_uniform_where_nothing_is_related(rng):
    values = [
        similarity_tests.mantel(
            random_distances(rng, 6),
            random_distances(rng, 6),
            permutations=719,
            seed=0,
        )["p"]
        for _ in range(400)
    ]
    # 400 draws: a share of 0.1 has a standard error of 0.015.
    assert np.mean(np.array(values) <= 0.1) == pytest.approx(0.1, abs=0.05)
    assert np.mean(values) == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize(
    "matrices",
    [
        (np.ones((2, 2)) - np.eye(2), np.ones((2, 2)) - np.eye(2)),
        (np.ones((4, 4)) - np.eye(4), np.arange(16.0).reshape(4, 4)),
        (np.zeros((4, 4)), np.arange(16.0).reshape(4, 4)),
    ],
)
def test_two_classes_or_equal_distances_have_no_correlation(matrices):
    assert similarity_tests.spearman(*matrices) is None
    result = similarity_tests.mantel(*matrices, permutations=99, seed=0)
    assert result["rho"] is result["p"] is None


def test_confusion_distance_counts_shares_both_ways():
    confusion = np.array([[6, 4, 0], [10, 10, 0], [0, 0, 0]])
    expected = np.array([[0, 0.55, 1], [0.55, 0, 1], [1, 1, 0]])
    np.testing.assert_allclose(
        similarity_tests.confusion_distances(confusion), expected
    )


def test_procrustes_ignores_shift_rotation_reflection_and_scale(rng):
    rows = rng.normal(size=(6, 4))
    turned, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    assert similarity_tests.procrustes(rows, 3 * rows @ turned + 7) < 1e-12
    assert similarity_tests.procrustes(rows, rng.normal(size=(6, 4))) > 0.1


def test_nearest_is_never_the_class_itself():
    matrix = np.array([[0.0, 1, 2], [1, 0, 3], [2, 3, 0]])
    np.testing.assert_array_equal(similarity_tests.nearest(matrix), [1, 0, 0])
