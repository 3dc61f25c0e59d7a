"""Grad-CAM against its formula in numpy."""

import numpy as np
import tensorflow as tf

from trainers.explanations.grad_cam import grad_cam


def test_it_is_the_formula_for_linear_scores():
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    weights = rng.normal(size=(3, 4, 5)).astype(np.float32)
    found = grad_cam(
        lambda images: maps,
        lambda maps: tf.einsum("nhwm,hwm->n", maps, weights),
        tf.zeros([2, 3, 4, 1]),
    )
    # The gradient of a linear score is its weights.
    mean = weights.mean(axis=(0, 1))
    expected = np.maximum((mean * maps).sum(axis=-1), 0.0)
    assert (expected == 0).any()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_what_is_in_a_quarter_of_the_maps_is_in_that_of_the_image():
    maps = np.zeros((1, 2, 2, 1), np.float32)
    maps[0, 0, 1] = 3.0
    found = grad_cam(
        lambda images: maps,
        lambda maps: tf.reduce_sum(maps, axis=(1, 2, 3)),
        tf.zeros([1, 8, 6, 1]),
    ).numpy()
    assert found.shape == (1, 8, 6)
    assert found[0, 0, -1] == found.max() == 3.0
    assert found[0, -1, 0] == 0.0
