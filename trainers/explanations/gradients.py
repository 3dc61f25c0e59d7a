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
    batch: int = 8,
) -> tf.Tensor:
    """Divides a difference of a function's values among its inputs.

    Source: Sundararajan et al. 2017, arXiv 1703.01365, eq. 1; the integral by
    Gauss and Legendre's rule, which needs fewer steps than equal ones for a
    smooth function. It works inside a `tf.function`.

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
    difference = end - start
    total = tf.zeros_like(end)
    for first in range(0, steps, batch):
        part = slice(first, first + batch)
        shares = _column((nodes[part] + 1) / 2, end.shape.rank)
        points = start + shares * difference
        with tf.GradientTape() as tape:
            tape.watch(points)
            values = function(points)
        gradients = tape.gradient(values, points)
        total += tf.reduce_sum(
            _column(weights[part] / 2, end.shape.rank) * gradients, axis=0
        )
    return total * difference


def _column(values: np.ndarray, rank: int) -> tf.Tensor:
    """`(n,)` numbers as `(n, 1, ...)` float32, for inputs of a rank."""
    return tf.constant(values.reshape(-1, *[1] * rank), tf.float32)
