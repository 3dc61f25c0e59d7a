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


def test_steps_are_doubled_until_the_sum_is_complete():
    calls = []

    def cubes(x: tf.Tensor) -> tf.Tensor:
        calls.append(len(x))
        return tf.reduce_sum(x**3, axis=1)

    start, end = np.array([[1.0, -2.0], [3.0, 0.5]], np.float32)
    change = (end**3 - start**3).sum()
    for change_given, most, steps in (
        (None, 64, 2),
        (change, 4, 4),
        (change, 64, 8),
    ):
        calls.clear()
        contributions = integrated_gradients(
            cubes,
            tf.constant(start),
            tf.constant(end),
            2,
            change=change_given,
            most_steps=most,
            batch=2,
        )
        # No point is computed twice.
        assert sum(calls) == steps + 1
        assert max(calls) <= 3
        path = np.linspace(start, end, steps + 1)
        slopes = 3 * path**2
        expected = np.trapezoid(slopes, dx=1 / steps, axis=0) * (end - start)
        np.testing.assert_allclose(contributions, expected, rtol=1e-5)
    assert abs(expected.sum() - change) <= 0.01 * change
    np.testing.assert_allclose(contributions, end**3 - start**3, rtol=0.02)


def test_of_a_linear_function_no_step_is_doubled():
    calls = []

    def linear(x: tf.Tensor) -> tf.Tensor:
        calls.append(len(x))
        return 3 * x

    result = integrated_gradients(
        linear,
        tf.constant(1.0),
        tf.constant(2.0),
        1,
        change=tf.constant(3.0),
    )
    assert result.numpy() == 3
    assert calls == [2]


def test_the_batch_does_not_matter_and_a_graph_gives_the_same():
    start, end = tf.zeros([3]), tf.constant([1.0, 2.0, -1.0])

    def product(x: tf.Tensor) -> tf.Tensor:
        return tf.reduce_prod(x, axis=1)

    alone = integrated_gradients(product, start, end, 8, batch=2)
    graph = tf.function(
        lambda a, b: integrated_gradients(product, a, b, 8, batch=4)
    )
    np.testing.assert_allclose(alone, graph(start, end), rtol=1e-5)
    np.testing.assert_allclose(tf.reduce_sum(alone), -2.0, rtol=0.02)
