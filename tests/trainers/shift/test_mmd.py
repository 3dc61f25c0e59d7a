"""MMD against its definition and scikit-learn, and the level of its test."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import pairwise

from trainers.shift import mmd


def by_loops(kernel, first, second):
    """The three means of Gretton et al. 2012, Eq. 3, pair by pair."""
    within = [
        [kernel(x, y) for x, y in itertools.permutations(sample, 2)]
        for sample in (first, second)
    ]
    between = [kernel(x, y) for x in first for y in second]
    return sum(map(np.mean, within)) - 2 * np.mean(between)


@pytest.fixture
def samples(rng):
    return rng.normal(size=(7, 3)), rng.normal(0.5, 2, size=(5, 3))


def median_distance(points):
    return np.median(
        [np.linalg.norm(x - y) for x, y in itertools.combinations(points, 2)]
    )


def test_the_estimate_is_that_of_a_double_loop(samples):
    first, second = samples
    width = median_distance([*first, *second])

    def kernel(x, y):
        return np.exp(-((x - y) ** 2).sum() / (2 * width**2))

    estimate, _ = mmd.permutation_test(first, second, 9, 0)
    # Rounding of sums of a hundred numbers below 1.
    assert estimate == pytest.approx(by_loops(kernel, first, second), abs=1e-12)


def test_the_kernel_is_scikit_learns_with_the_median_distance(samples):
    points = np.concatenate(samples)
    gamma = 1 / (2 * median_distance(points) ** 2)
    np.testing.assert_allclose(
        mmd.gaussian_kernel(points),
        pairwise.rbf_kernel(points, gamma=gamma),
        rtol=1e-12,
    )


def test_of_a_linear_kernel_it_is_unbiased(rng):
    """Its mean over many samples is the squared distance of the means."""
    estimates = []
    for _ in range(2000):
        points = np.concatenate([rng.normal(size=4), rng.normal(1, size=4)])
        is_first = np.arange(8) < 4
        estimates.append(mmd.discrepancy(np.outer(points, points), is_first))
    # Five standard errors.
    assert abs(np.mean(estimates) - 1) < 5 * np.std(estimates) / 2000**0.5


def test_the_test_keeps_its_level(rng):
    """Of samples that are alike, a tenth and no more has p of at most 0.1."""
    p = [
        mmd.permutation_test(*rng.normal(size=(2, 10, 2)), 99, seed)[1]
        for seed in range(400)
    ]
    assert min(p) >= 0.01
    # Three standard errors of a share of 400.
    assert np.mean(np.array(p) <= 0.1) == pytest.approx(0.1, abs=0.045)
    assert np.mean(np.array(p) <= 0.5) == pytest.approx(0.5, abs=0.075)


def test_divisions_are_the_same_in_parts(samples):
    points = np.concatenate(samples)
    is_first = np.arange(len(points)) < len(samples[0])
    estimate, p = mmd.permutation_test(*samples, 2500, 3)
    divisions = np.random.default_rng(3).permuted(
        np.broadcast_to(is_first, (2500, len(points))), axis=1
    )
    null = mmd.discrepancy(mmd.gaussian_kernel(points), divisions)
    assert p == (1 + (null >= estimate - 1e-12).sum()) / 2501


def test_different_samples_are_told_apart(rng):
    first, second = rng.normal(size=(20, 2)), rng.normal(2, size=(20, 2))
    estimate, p = mmd.permutation_test(first, second, 199, 0)
    assert estimate > 0.3
    assert p == 1 / 200


def test_points_that_coincide_have_no_discrepancy():
    estimate, p = mmd.permutation_test(np.ones((4, 2)), np.ones((4, 2)), 9, 0)
    assert estimate == pytest.approx(0, abs=1e-12)
    assert p == 1
