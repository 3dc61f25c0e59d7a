"""Integrated gradients against algebra."""

import numpy as np
import tensorflow as tf

from trainers.serving.gradients import integrated_gradients


def test_one_step_is_exact_for_a_linear_function():
    rng = np.random.default_rng(0)
    weights, start, end = rng.normal(size=(3, 4, 5)).astype(np.float32)
    contributions = integrated_gradients(
        lambda x: tf.einsum("nij,ij->n", x, weights),
        tf.constant(start),
        tf.constant(end),
        steps=1,
    )
    np.testing.assert_allclose(
        contributions, weights * (end - start), rtol=1e-5, atol=1e-6
    )


def test_two_steps_are_exact_for_a_cubic_function():
    # Gauss and Legendre's n points integrate polynomials of degree 2n - 1,
    # and the gradient of a cubic is of degree 2.
    start, end = np.array([[1.0, -2.0], [3.0, 0.5]], np.float32)
    contributions = integrated_gradients(
        lambda x: tf.reduce_sum(x**3, axis=1),
        tf.constant(start),
        tf.constant(end),
        steps=2,
    )
    np.testing.assert_allclose(contributions, end**3 - start**3, rtol=1e-5)


def test_the_batch_does_not_matter_and_a_graph_gives_the_same():
    start, end = tf.zeros([3]), tf.constant([1.0, 2.0, -1.0])

    def product(x: tf.Tensor) -> tf.Tensor:
        return tf.reduce_prod(x, axis=1)

    alone = integrated_gradients(product, start, end, 7, batch=1)
    graph = tf.function(
        lambda a, b: integrated_gradients(product, a, b, 7, batch=4)
    )
    np.testing.assert_allclose(alone, graph(start, end), rtol=1e-5)
    np.testing.assert_allclose(tf.reduce_sum(alone), -2.0, rtol=1e-5)
