"""Class vectors against independent computations."""

import numpy as np
import pytest
import sklearn.decomposition

from trainers.experiments import similarity_tests
from trainers.im2vec import class_vectors


def random_weights(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("count", [2, 3, 10, 100])
def test_every_vector_is_what_w2_sends_to_its_one_hot_output(rng, count):
    weights = random_weights(rng, count, count)
    vectors = class_vectors.class_vectors(weights, "inverse")
    assert vectors.shape == (count, count)
    columns = np.linalg.solve(weights.astype(np.float64), np.eye(count))
    np.testing.assert_allclose(vectors, columns.T, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(weights @ vectors.T, np.eye(count), atol=1e-6)


@pytest.mark.parametrize("shape", [(3, 7), (7, 3), (5, 5)])
def test_pseudo_inverse_is_the_shortest_least_squares_solution(rng, shape):
    weights = random_weights(rng, *shape)
    expected = np.linalg.lstsq(
        weights.astype(np.float64), np.eye(shape[0]), rcond=None
    )[0].T
    vectors = class_vectors.class_vectors(weights, "pinv")
    np.testing.assert_allclose(vectors, expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(3, 7), (7, 3), (5, 5)])
def test_ridge_solves_its_normal_equations(rng, shape):
    weights = random_weights(rng, *shape).astype(np.float64)
    ridge = 0.05
    penalty = ridge * np.linalg.norm(weights, 2) ** 2
    expected = np.linalg.solve(
        weights.T @ weights + penalty * np.eye(shape[1]), weights.T
    ).T
    vectors = class_vectors.class_vectors(weights, "ridge", ridge)
    np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_ridge_of_zero_is_the_pseudo_inverse(rng):
    weights = random_weights(rng, 6, 4)
    np.testing.assert_array_equal(
        class_vectors.class_vectors(weights, "ridge", 0.0),
        class_vectors.class_vectors(weights, "pinv"),
    )


def test_auto_inverts_square_matrices_and_pseudo_inverts_others(rng):
    for shape, method in (((4, 4), "inverse"), ((4, 6), "pinv")):
        weights = random_weights(rng, *shape)
        np.testing.assert_array_equal(
            class_vectors.class_vectors(weights),
            class_vectors.class_vectors(weights, method),
        )


def test_centred_vectors_do_not_move_with_what_softmax_does_not_see(rng):
    weights = random_weights(rng, 5, 5)
    shifted = weights + random_weights(rng, 5)
    np.testing.assert_allclose(
        class_vectors.class_vectors(shifted, "centred"),
        class_vectors.class_vectors(weights, "centred"),
        atol=1e-5,
    )
    distances = [
        similarity_tests.distances(
            class_vectors.class_vectors(matrix, "inverse")
        )
        for matrix in (weights, shifted)
    ]
    assert not np.allclose(*distances, rtol=0.1)


def test_inverse_is_centred_part_plus_the_derived_remainder(rng):
    weights = random_weights(rng, 6, 6).astype(np.float64)
    centred = weights - weights.mean(axis=0)
    learnt = np.linalg.pinv(centred, rcond=1e-10)  # column k is C^+ e_k
    q = np.linalg.svd(centred)[2][-1]
    s = weights.sum(axis=0)
    expected = learnt.T + np.outer((1 - s @ learnt) / (s @ q), q)
    np.testing.assert_allclose(
        class_vectors.class_vectors(weights, "inverse"), expected, atol=1e-8
    )


@pytest.mark.parametrize(
    ("weights", "inverse", "message"),
    [
        (np.ones((3, 3)), "inverse", r"singular.*--inverse=pinv"),
        (np.ones((3, 3)), "auto", r"singular.*--inverse=pinv"),
        (np.zeros((3, 3)), "inverse", r"singular.*--inverse=pinv"),
        (
            np.eye(3, 4),
            "inverse",
            "4 hidden units and 3 .*--inverse=pinv",
        ),
        (np.full((2, 2), np.nan), "pinv", "finite"),
    ],
)
def test_what_has_no_inverse_is_refused_with_the_cure(
    weights, inverse, message
):
    with pytest.raises(ValueError, match=message):
        class_vectors.class_vectors(weights, inverse)


@pytest.mark.parametrize("inverse", ["pinv", "centred", "ridge"])
def test_other_inverses_take_singular_matrices(inverse):
    for weights in (np.ones((3, 3)), np.zeros((3, 3))):
        assert np.isfinite(
            class_vectors.class_vectors(weights, inverse, 0.1)
        ).all()


def test_condition_number_is_numpys_and_a_large_one_is_called_ill(rng):
    weights = random_weights(rng, 5, 5)
    assert class_vectors.condition_number(weights) == pytest.approx(
        np.linalg.cond(weights.astype(np.float64))
    )
    assert not class_vectors.is_ill_conditioned(np.diag([1.0, 1e-3]))
    assert class_vectors.is_ill_conditioned(np.diag([1.0, 1e-5]))
    assert class_vectors.condition_number(np.zeros((2, 2))) == np.inf


@pytest.mark.parametrize(
    ("method", "reference"),
    [
        ("pca", sklearn.decomposition.PCA(2)),
        ("svd", sklearn.decomposition.TruncatedSVD(2, algorithm="arpack")),
    ],
)
def test_planes_are_scikit_learns_up_to_sign(rng, method, reference):
    rows = rng.normal(size=(8, 8)) + 2
    expected = np.abs(reference.fit_transform(rows))
    points = class_vectors.to_plane(rows, method)
    np.testing.assert_allclose(np.abs(points), expected, atol=1e-6)
    assert (points[np.abs(points).argmax(axis=0), [0, 1]] > 0).all()


def test_one_hidden_unit_still_has_a_plane(rng):
    points = class_vectors.to_plane(rng.normal(size=(4, 1)), "svd")
    assert points.shape == (4, 2)
    np.testing.assert_array_equal(points[:, 1], 0)


def test_normalized_rows_have_length_one_and_zero_stays_zero():
    rows = np.array([[3.0, 4.0], [0.0, 0.0]])
    np.testing.assert_allclose(
        class_vectors.normalize(rows), [[0.6, 0.8], [0.0, 0.0]]
    )
