"""The forces of t-SNE, by numba and by TensorFlow, against plain sums."""

from concurrent import futures

import numpy as np
import pytest
import tensorflow as tf

from text2image.deepinsight import tsne_forces, tsne_tensorflow


def problem(count):
    rng = np.random.default_rng(count)
    joint = rng.random((count, count), np.float32)
    joint += joint.T
    np.fill_diagonal(joint, 0.0)
    joint /= joint.sum()
    return joint, 4 * rng.normal(size=(count, 2))


def plain(joint, points):
    difference = points[:, None] - points
    weight = 1 / (1 + np.square(difference).sum(axis=2))
    np.fill_diagonal(weight, 0.0)
    attraction = (joint * weight)[..., None] * difference
    repulsion = np.square(weight)[..., None] * difference / weight.sum()
    return attraction.sum(axis=1), repulsion.sum(axis=1)


def by_numba(joint, points, threads=2):
    with futures.ThreadPoolExecutor(threads) as pool:
        return tsne_forces.PairForces(joint, pool)(points)


def by_tensorflow(joint, points):
    # More than one block of rows, the last one smaller.
    pairs = len(joint) * (len(joint) // 2 + 1)
    return tsne_tensorflow.PairForces(joint, "CPU:0", pairs)(points)


# Part of a tile, a whole one, one point more, and six tiles with padding.
@pytest.mark.parametrize("count", [3, 384, 385, 900])
@pytest.mark.parametrize("compute", [by_numba, by_tensorflow])
def test_forces_equal_plain_sums(compute, count):
    joint, points = problem(count)
    for ours, expected in zip(
        compute(joint, points), plain(joint, points), strict=True
    ):
        assert ours.shape == (count, 2)
        # Sums of some hundred products, in float32.
        np.testing.assert_allclose(
            ours, expected, atol=1e-5 * np.abs(expected).max()
        )


def test_one_two_and_three_threads_give_the_same_bytes():
    joint, points = problem(900)
    first, *others = (by_numba(joint, points, count) for count in (1, 2, 3))
    for other in others:
        np.testing.assert_array_equal(other, first)


@pytest.mark.parametrize("compute", [by_numba, by_tensorflow])
def test_the_forces_of_moved_points_do_not_depend_on_earlier_ones(compute):
    joint, points = problem(500)
    with futures.ThreadPoolExecutor(2) as pool:
        if compute is by_numba:
            forces = tsne_forces.PairForces(joint, pool)
        else:
            forces = tsne_tensorflow.PairForces(joint, "CPU:0", 500 * 251)
        forces(10 * points)
        again = forces(points)
    np.testing.assert_array_equal(again, compute(joint, points))


def test_attraction_and_repulsion_sum_to_zero():
    # Each pair is visited once: what moves one point moves the other back.
    joint, points = problem(900)
    for force in by_numba(joint, points):
        total = force.sum(axis=0, dtype=np.float64)
        assert np.abs(total).max() < 1e-5 * np.abs(force).max()


@pytest.mark.skipif(
    bool(tf.config.list_logical_devices("GPU")), reason="There is a GPU."
)
def test_a_missing_gpu_is_refused():
    joint, _ = problem(3)
    with pytest.raises(ValueError, match="Use the CPU"):
        tsne_tensorflow.PairForces(joint)
