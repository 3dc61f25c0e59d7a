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
    change: tf.Tensor | None = None,
    most_steps: int = 512,
    tolerance: float = 0.01,
    batch: int | tf.Tensor = 8,
) -> tf.Tensor:
    """Divides a difference of a function's values among its inputs.

    Source: Sundararajan et al. 2017, arXiv 1703.01365, eq. 1. The integral is
    the trapezoidal rule's: the gradients of rectifiers jump along the path, so
    that rules for smooth functions gain nothing, and all points of n steps are
    points of 2 n. It works inside a `tf.function`, whose graph then holds the
    function once, whatever the number of steps.

    Args:
        function: `(n, ...)` float32 to `(n,)`; rows do not affect each other.
        start: The baseline, `(...)` float32.
        end: The input that is explained, with the same shape.
        steps: Number of steps along the straight path, a power of two.
        change: `function(end) - function(start)`, `()`. If it is given, the
            steps are doubled while the sum of the contributions misses it.
        most_steps: Most steps then, another power of two.
        tolerance: What the sum may miss, as a share of `change` or, if that is
            less than 1, of 1.
        batch: Number of points computed at once.

    Returns:
        Contributions, with the shape of `end`; their sum approximates
        `function(end) - function(start)`, exactly for a linear function.
    """
    if change is None:
        most_steps = steps
        change = tf.constant(0.0)
    allowed = tolerance * tf.maximum(1.0, tf.abs(change))
    rank = end.shape.rank
    shares = _column(_shares(most_steps), rank)
    # Both ends of the path count half.
    weights = _column(np.array([0.5, 0.5] + [1.0] * (most_steps - 1)), rank)
    difference = end - start

    def is_unfinished(
        done: tf.Tensor, steps: tf.Tensor, total: tf.Tensor
    ) -> tf.Tensor:
        divided = tf.reduce_sum(total * difference) / tf.cast(steps, tf.float32)
        misses = tf.abs(divided - change) > allowed
        return (done <= steps) | (misses & (steps < most_steps))

    def add(
        done: tf.Tensor, steps: tf.Tensor, total: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        steps = tf.where(done > steps, 2 * steps, steps)
        # One point is no batch of its own.
        left = steps + 1 - done
        stop = done + tf.where(left <= batch + 1, left, batch)
        points = start + shares[done:stop] * difference
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(points)
            values = function(points)
        gradients = weights[done:stop] * tape.gradient(values, points)
        return stop, steps, total + tf.reduce_sum(gradients, axis=0)

    _, taken, total = tf.while_loop(
        is_unfinished,
        add,
        (tf.constant(0), tf.constant(steps), tf.zeros_like(end)),
        # One after another: each takes memory.
        parallel_iterations=1,
    )
    return total / tf.cast(taken, tf.float32) * difference


def _shares(steps: int) -> np.ndarray:
    """0, 1, and the multiples of 1 / steps between them, `(steps + 1,)`.

    The first n + 1 are those of n steps, for every n that divides `steps`: van
    der Corput's sequence, in which the bits of a number are mirrored.
    """
    bits = steps.bit_length() - 1
    mirrored = [
        int(f"{number:0{bits}b}"[::-1], 2) for number in range(1, steps)
    ]
    return np.array([0, steps, *mirrored]) / steps


def _column(values: np.ndarray, rank: int) -> tf.Tensor:
    """`(n,)` numbers as `(n, 1, ...)` float32, for inputs of a rank."""
    return tf.constant(values.reshape(-1, *[1] * rank), tf.float32)
