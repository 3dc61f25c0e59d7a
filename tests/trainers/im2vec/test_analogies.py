"""Analogies between class vectors, against brute force."""

import itertools

import numpy as np
import pytest
import scipy.stats

from trainers.experiments import similarity_tests
from trainers.im2vec import analogies

NAMES = ("man", "girl", "woman", "boy", "baby")


def evaluate(vectors, means, *, random=(), names=NAMES, permutations=999):
    return analogies.evaluate(
        names, vectors, random, means, permutations=permutations, seed=0
    )


def parallelogram(rng):
    """Vectors of `NAMES` with woman - man = girl - boy, and mean images."""
    man, boy, shift, baby = rng.normal(size=(4, 6))
    vectors = np.stack([man, boy + shift, man + shift, boy, baby])
    return vectors, rng.normal(size=(5, 12))


def test_the_defect_is_that_of_its_definition_whatever_the_reading(rng):
    vectors = rng.normal(size=(4, 7))
    a, b, c, d = vectors
    sides = sum(np.sum(x**2) for x in (a - b, c - d, a - c, b - d))
    expected = np.sum((a - b - c + d) ** 2) / sides
    for order in ([0, 1, 2, 3], [0, 2, 1, 3], [3, 1, 2, 0], [1, 0, 3, 2]):
        found = analogies.defects(vectors, np.array(order))
        assert found == pytest.approx(expected, abs=1e-9)
    assert analogies.defects(np.eye(4), np.arange(4)) == pytest.approx(0.5)
    assert analogies.defects(np.ones((4, 3)), np.arange(4)) == 0


def test_all_quadruples_are_every_pair_of_pairs_once():
    found = analogies.all_or_drawn(6, seed=0)
    diagonals = {
        frozenset([frozenset([a, d]), frozenset([b, c])])
        for a, b, c, d in found.tolist()
    }
    expected = {
        frozenset([frozenset(one), frozenset(other)])
        for one, other in itertools.combinations(
            itertools.combinations(range(6), 2), 2
        )
        if not set(one) & set(other)
    }
    assert diagonals == expected
    assert len(found) == len(expected) == 45


def test_many_classes_have_a_draw_of_different_classes_by_seed():
    first, again, other = (
        analogies.all_or_drawn(30, seed=seed) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert all(len(set(row)) == 4 for row in first.tolist())


def test_an_analogy_that_holds_is_first_and_answers_its_questions(rng):
    vectors, means = parallelogram(rng)
    found = evaluate([vectors, rng.normal(size=(5, 6))], means)
    (about, other) = found["paper"]
    assert about == {"defect": 0, "p": 1 / 15, "answered": 4}
    assert other["p"] > 1 / 15
    assert set(found["least"][0]["classes"]) == set(NAMES) - {"baby"}
    assert found["quadruples"] == 15


def test_the_p_of_an_analogy_is_the_share_of_all_orders_of_the_classes(rng):
    vectors, means = rng.normal(size=(5, 6)), rng.normal(size=(5, 3))
    found = evaluate([vectors], means)["paper"][0]
    every = [
        analogies.defects(vectors, np.array(order))
        for order in itertools.permutations(range(5), 4)
    ]
    assert found["p"] == pytest.approx(
        np.mean(np.array(every) <= found["defect"])
    )


def test_agreement_with_mean_images_is_exact_for_few_classes(rng):
    vectors, means = rng.normal(size=(5, 6)), rng.normal(size=(5, 3))
    quadruples = analogies.all_or_drawn(5, 0)

    def rho(order):
        return scipy.stats.spearmanr(
            analogies.defects(vectors[list(order)], quadruples),
            analogies.defects(means, quadruples),
        ).statistic

    every = np.array([rho(order) for order in itertools.permutations(range(5))])
    found = evaluate([vectors, means], means)["tests"]
    assert found[0]["orders"] == 120
    assert found[0]["rho"] == pytest.approx(every[0])
    assert found[0]["p"] == pytest.approx(np.mean(every >= every[0] - 1e-9))
    assert found[1]["rho"] == pytest.approx(1)


def test_the_p_of_agreement_is_uniform_where_nothing_is_related(rng):
    quadruples = analogies.all_or_drawn(5, 0)
    values = [
        analogies.compare(
            rng.normal(size=(5, 4)),
            rng.normal(size=(5, 4)),
            quadruples,
            permutations=119,
            seed=0,
        )["p"]
        for _ in range(200)
    ]
    # 200 draws: a mean has a standard error of 0.02.
    assert np.mean(values) == pytest.approx(0.5, abs=0.07)


def test_equal_vectors_and_few_classes_have_no_test(rng):
    means = rng.normal(size=(5, 3))
    found = evaluate([np.eye(5)], means, random=[np.eye(5)])
    assert found["tests"][0]["rho"] is found["random"]["rho"]["mean"] is None
    assert evaluate([np.eye(3)], means[:3], names=NAMES[:3]) is None


def test_a_drawn_analogy_counts_itself(rng):
    names = (*NAMES, *map(str, range(20)))
    vectors = rng.normal(size=(25, 4))
    vectors[:4] = parallelogram(rng)[0][:4, :4]
    found = evaluate([vectors], vectors, names=names, permutations=9)
    assert not found["is_complete"]
    assert found["paper"][0]["p"] == 1 / 601
    ranks = similarity_tests.centred_ranks(np.array([[3.0, 1, 1], [2, 2, 2]]))
    np.testing.assert_allclose(ranks @ ranks.T, [[1, 0], [0, 0]], atol=1e-12)
