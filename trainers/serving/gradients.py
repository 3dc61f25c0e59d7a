"""Integrated gradients of any function of a tensor."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf


def integrated_gradients(
    function: Callable[[tf.Tensor], tf.Tensor],
    start: tf.Tensor,
    end: tf.Tensor,
    steps: int,
    *,
    batch: int | tf.Tensor = 8,
) -> tf.Tensor:
    """Divides a difference of a function's values among its inputs.

    Source: Sundararajan et al. 2017, arXiv 1703.01365, eq. 1; the integral by
    Gauss and Legendre's rule, which needs fewer steps than equal ones for a
    smooth function. It works inside a `tf.function`, whose graph then holds
    the function once, whatever the number of steps.

    Args:
        function: `(n, ...)` float32 to `(n,)`; rows do not affect each other.
        start: The baseline, `(...)` float32.
        end: The input that is explained, with the same shape.
        steps: Number of gradients along the straight path.
        batch: Number of them computed at once.

    Returns:
        Contributions, with the shape of `end`; their sum approximates
        `function(end) - function(start)`, exactly for a linear function.
    """
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    rank = end.shape.rank
    shares, weights = _column((nodes + 1) / 2, rank), _column(weights / 2, rank)
    difference = end - start

    def add(first: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        points = start + shares[first : first + batch] * difference
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(points)
            values = function(points)
        gradients = weights[first : first + batch] * tape.gradient(
            values, points
        )
        return first + batch, total + tf.reduce_sum(gradients, axis=0)

    _, total = tf.while_loop(
        lambda first, _: first < steps,
        add,
        (tf.constant(0), tf.zeros_like(end)),
        # One after another: each takes memory.
        parallel_iterations=1,
    )
    return total * difference


def _column(values: np.ndarray, rank: int) -> tf.Tensor:
    """`(n,)` numbers as `(n, 1, ...)` float32, for inputs of a rank."""
    return tf.constant(values.reshape(-1, *[1] * rank), tf.float32)
