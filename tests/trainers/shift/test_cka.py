"""CKA against its definition by HSIC, and what it does not depend on."""

import itertools

import numpy as np
import pytest

from trainers.shift import cka


def by_hsic(x, y):
    """Kornblith et al. 2019, Eq. 3 and 4, with centring matrices."""
    n = len(x)
    centre = np.eye(n) - 1 / n

    def hsic(k, m):
        return np.trace(k @ centre @ m @ centre) / (n - 1) ** 2

    k, m = x @ x.T, y @ y.T
    return hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))


def unbiased_hsic(k, m):
    """The U-statistic: the mean over all ordered sets of four images."""
    n = len(k)
    total = [
        k[i, j] * (m[i, j] + m[q, r] - 2 * m[i, q])
        for i, j, q, r in itertools.permutations(range(n), 4)
    ]
    return np.mean(total)


@pytest.fixture
def pair(rng):
    x = rng.normal(size=(6, 5))
    return x, np.concatenate([x[:, :2] ** 2, rng.normal(size=(6, 2))], axis=1)


def test_the_similarity_is_that_of_hsic(pair):
    grams = map(cka.gram, pair)
    assert cka.similarity(*grams) == pytest.approx(by_hsic(*pair), rel=1e-12)


def test_the_debiased_one_is_that_of_the_u_statistic(pair):
    k, m = (x @ x.T for x in pair)
    expected = unbiased_hsic(k, m) / np.sqrt(
        unbiased_hsic(k, k) * unbiased_hsic(m, m)
    )
    found = cka.debiased_similarity(*map(cka.gram, pair))
    assert found == pytest.approx(expected, rel=1e-9)


def test_rotation_scale_and_shift_change_nothing(pair, rng):
    rotation, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    moved = cka.gram(3 * pair[0] @ rotation + 7)
    for compare in (cka.similarity, cka.debiased_similarity):
        assert compare(cka.gram(pair[0]), moved) == pytest.approx(1, rel=1e-9)


def test_only_the_debiased_one_is_0_for_large_random_representations(rng):
    first, second = (cka.gram(rng.normal(size=(20, 4000))) for _ in range(2))
    assert cka.similarity(first, second) > 0.9
    # Five times the deviation over a hundred seeds, 0.07.
    assert abs(cka.debiased_similarity(first, second)) < 0.35


def test_columns_are_added_in_parts(rng, monkeypatch):
    features = rng.normal(size=(4, 10))
    whole = cka.gram(features)
    monkeypatch.setattr(cka, "_COLUMNS", 3)
    np.testing.assert_allclose(cka.gram(features), whole, rtol=1e-12)


def test_a_constant_representation_resembles_none(pair):
    assert cka.similarity(cka.gram(np.ones((6, 3))), cka.gram(pair[0])) == 0
