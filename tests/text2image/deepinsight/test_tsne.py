"""t-SNE over all pairs, against scikit-learn's exact one."""

import os

import numpy as np
import pytest
import scipy.spatial.distance
import sklearn.manifold
import sklearn.manifold._t_sne as reference

from text2image.deepinsight import tsne


def squared_distances(count, seed=0):
    rng = np.random.default_rng(seed)
    centres = 3 * rng.normal(size=(5, 8))
    points = centres[np.arange(count) % 5] + rng.normal(size=(count, 8))
    return scipy.spatial.distance.cdist(points, points, "sqeuclidean")


@pytest.mark.parametrize(("count", "perplexity"), [(40, 5.0), (300, 30.0)])
def test_affinities_equal_scikit_learns(count, perplexity):
    squared = squared_distances(count)
    expected = scipy.spatial.distance.squareform(
        reference._joint_probabilities(
            squared.astype(np.float32), perplexity, 0
        )
    )
    joint = tsne.joint_probabilities(squared, perplexity)
    # Its search stops at 1e-5 of the entropy.
    np.testing.assert_allclose(joint, expected, rtol=2e-4, atol=1e-9)
    assert joint.sum(dtype=np.float64) == pytest.approx(1.0)


def test_equal_and_far_points_have_finite_affinities():
    positions = np.array([0.0, 0, 0, 0, 0, 1e-6, 1, 2, 1e6])[:, None]
    squared = np.square(positions - positions.T)
    joint = tsne.joint_probabilities(squared, 3.0)
    assert np.isfinite(joint).all()
    assert (np.diag(joint) == 0).all()
    assert (joint.sum(axis=1) > 0).all()


# Less than one block of rows, and one with a part of another.
@pytest.mark.parametrize("count", [40, 300])
def test_divergence_and_gradient_equal_scikit_learns(count):
    joint = tsne.joint_probabilities(squared_distances(count), 10.0)
    rng = np.random.default_rng(1)
    points = (5 * rng.normal(size=(count, 2))).astype(np.float32)
    divergence, gradient = reference._kl_divergence(
        points.ravel().astype(np.float64),
        scipy.spatial.distance.squareform(joint.astype(np.float64)),
        1,
        count,
        2,
    )
    assert tsne.divergence(joint, points) == pytest.approx(divergence, rel=1e-5)
    ours = tsne.gradient(joint, points)
    # Sums of some hundred products, in float32.
    np.testing.assert_allclose(
        ours, gradient.reshape(-1, 2), atol=1e-5 * np.abs(gradient).max()
    )


def test_the_number_of_threads_does_not_change_the_result():
    squared = squared_distances(600)
    start = np.random.default_rng(2).normal(size=(600, 2), scale=1e-4)
    both = []
    cores = os.sched_getaffinity(0)
    for allowed in ({min(cores)}, cores):
        os.sched_setaffinity(0, allowed)
        try:
            both.append(
                tsne.embed(
                    squared, start, perplexity=9.0, learning_rate=0, max_iter=60
                )
            )
        finally:
            os.sched_setaffinity(0, cores)
    np.testing.assert_array_equal(both[0][0], both[1][0])


def test_points_that_almost_coincide_are_separated():
    # As with exaggerated attraction and no clusters.
    squared = squared_distances(120)
    start = 1e-3 + np.random.default_rng(4).normal(size=(120, 2), scale=1e-12)
    arguments = {"perplexity": 20.0, "learning_rate": 0, "max_iter": 500}
    points, divergence = tsne.embed(squared, start, **arguments)
    assert len(np.unique(points, axis=0)) == 120
    _, usual = tsne.embed(squared, 1e8 * (start - 1e-3), **arguments)
    assert divergence == pytest.approx(usual, rel=0.1)


def test_the_first_steps_equal_scikit_learns_exaggerated_descent():
    count, steps = 60, 20
    squared = squared_distances(count)
    start = np.random.default_rng(5).normal(size=(count, 2), scale=1e-4)
    points, _ = tsne.embed(
        squared, start, perplexity=10.0, learning_rate=5.0, max_iter=steps
    )
    joint = tsne.joint_probabilities(squared, 10.0).astype(np.float64)
    expected, _, _ = reference._gradient_descent(
        reference._kl_divergence,
        start.ravel(),
        it=0,
        max_iter=steps,
        momentum=0.5,
        learning_rate=5.0,
        args=[12 * scipy.spatial.distance.squareform(joint), 1, count, 2],
    )
    expected = expected.reshape(-1, 2)
    np.testing.assert_allclose(
        points,
        expected - expected.mean(axis=0),
        atol=1e-3 * np.abs(expected).max(),
    )


def test_attraction_without_clusters_does_not_underflow():
    count = 60
    start = np.random.default_rng(6).normal(size=(count, 2), scale=1e-4)
    points, _ = tsne.embed(
        1.0 - np.eye(count),
        start,
        perplexity=5.0,
        learning_rate=count / 48,
        max_iter=250,
    )
    # 3e-37, almost the least float32, if exaggeration lasts all the time.
    assert points.std() > 1e-30


def test_it_diverges_no_more_than_scikit_learns_exact_method():
    squared = squared_distances(200)
    ours, theirs = [], []
    for seed in range(3):
        start = np.random.default_rng(seed).normal(size=(200, 2), scale=1e-4)
        _, divergence = tsne.embed(
            squared, start, perplexity=20.0, learning_rate=0, max_iter=400
        )
        ours.append(divergence)
        reference_tsne = sklearn.manifold.TSNE(
            metric="precomputed",
            method="exact",
            init=start.astype(np.float32),
            perplexity=20.0,
            max_iter=400,
        )
        reference_tsne.fit(np.sqrt(squared))
        theirs.append(reference_tsne.kl_divergence_)
    # Each stops in some minimum: ours 0.356 to 0.367, theirs 0.362 to 0.371.
    assert np.mean(ours) <= 1.02 * np.mean(theirs)
