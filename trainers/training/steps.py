"""Many training steps in one call of the host.

`keras.Model.fit` calls a model's `train_function` with an iterator; ours takes
as many steps as `Steps` plans and returns once. Keras's own would take steps
of the next epoch where `steps_per_execution` does not divide an epoch, and is
traced again for every number of steps.
"""

import itertools
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from trainers.distribution.workers import SINGLE, Workers
from trainers.training import figures, parallel_steps
from trainers.training.figures import FIGURES
from trainers.training.precision import computing
from trainers.training.sources import Source

# The host is asked this often: a progress bar moves, a kill is noticed.
_SECONDS_PER_EXECUTION = 1.0
# Timed at first, unless the first of them takes as long as this.
_TIMED_STEPS = 10
_SLOW_STEP = 0.1  # seconds


def plan(num_steps: int, most: int, every: int = 0) -> list[int]:
    """Divides the steps of an epoch into executions.

    Args:
        num_steps: Steps per epoch.
        most: Most steps per execution.
        every: An execution also ends after every multiple of this number of
            steps; 0 for none.

    Returns:
        Steps of each execution.
    """
    sizes = []
    for start in range(0, num_steps, every or num_steps):
        rest = min(every or num_steps, num_steps - start)
        whole, last = divmod(rest, most)
        sizes += [most] * whole + [last] * (last > 0)
    return sizes


class Steps:
    """The train function of a model, with the figures of its last execution.

    Attributes:
        sizes: Steps of each execution of an epoch.
        figures: `(n, 4)` float32, the `FIGURES` of each step of the last
            execution.
        done: Steps of the epoch that are done.
    """

    def __init__(
        self,
        model: keras.Model,
        source: Source,
        *,
        half: keras.Model | None = None,
        precision: str = "float32",
        jit_compile: bool = False,
        class_weight: tuple[float, ...] = (),
        workers: Workers = SINGLE,
    ) -> None:
        """Compiles a step.

        Args:
            model: A model that returns logits `(N, K)`, compiled with a
                `keras.losses.Loss`.
            source: Where it takes its examples from.
            half: The part of it that trains; by default all of it.
            precision: Policy of the layers of that part.
            jit_compile: Whether XLA compiles a step; not with several
                replicas.
            class_weight: Weight of each class in the loss; all 1 if empty.
            workers: Replicas that share every step.
        """
        half = half or model

        def context() -> AbstractContextManager[None]:
            return computing(half, precision)

        loss_of = figures.loss_of(model, class_weight)
        if workers.strategy is None:
            self.run = _compile(
                model, source, context, loss_of, jit_compile=jit_compile
            )
        else:
            self.run = parallel_steps.compile_steps(
                model, half, source, context, loss_of, workers
            )
        self.sizes: list[int] = []
        self._executions: Iterator[int] = iter(())
        self.start_epoch()

    def set_sizes(self, sizes: list[int]) -> None:
        """Sets the executions of every epoch from here on."""
        self.sizes = sizes
        self.start_epoch()

    def start_epoch(self) -> None:
        """Forgets the figures of the last epoch."""
        self._executions = itertools.cycle(self.sizes)
        self.figures = np.zeros((0, len(FIGURES)), np.float32)
        self.done = 0
        self._sums = np.zeros(len(FIGURES))

    def __call__(self, iterator: Any) -> dict[str, float]:
        """Takes the steps of one execution.

        Returns:
            Means over the epoch so far: `loss` (with penalties),
            `cross_entropy` and `accuracy`, each example measured before its
            step.
        """
        size = tf.constant(next(self._executions))
        # The only time that the host waits for the device.
        self.figures = self.run(iterator, size).numpy()
        self.done += len(self.figures)
        figures = self.figures.astype(np.float64)
        figures[:, :-1] *= figures[:, -1:]
        self._sums += figures.sum(axis=0)
        return self.means()

    def means(self) -> dict[str, float]:
        """Means over the epoch so far; NaN before its first step."""
        count = self._sums[-1] or math.nan
        return {
            name: float(total / count)
            for name, total in zip(FIGURES[:-1], self._sums, strict=False)
        }

    @property
    def num_examples(self) -> int:
        """Examples of the last execution."""
        return int(self.figures[:, -1].sum())


def steps_per_second(
    run: Callable[..., tf.Tensor],
    source: Source,
    variables: list[keras.Variable],
    agree: Callable[[float], float] = float,
) -> float:
    """Compiles the steps and times a few, without changing the model.

    The rate decides how many steps are one execution, and no result.

    Args:
        run: Attribute `run` of `Steps`.
        source: Its source.
        variables: Everything that a step changes; set back at the end.
        agree: Makes one number of those of several processes, which must all
            take the same steps.
    """
    before = [np.array(variable) for variable in variables]
    iterator = iter(source.dataset(0, 1).repeat())

    def seconds(num_steps: int) -> float:
        begin = time.perf_counter()
        run(iterator, tf.constant(num_steps)).numpy()
        return agree((time.perf_counter() - begin) / num_steps)

    seconds(1)  # compiles
    fastest = seconds(1)
    if fastest < _SLOW_STEP:
        fastest = min(fastest, seconds(_TIMED_STEPS))
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)
    return 1 / fastest


def steps_per_execution(rate: float) -> int:
    """Steps of an execution at a rate of so many steps per second."""
    return max(1, round(rate * _SECONDS_PER_EXECUTION))


def _compile(
    model: keras.Model,
    source: Source,
    context: Callable[[], AbstractContextManager[None]],
    loss_of: figures.Loss,
    *,
    jit_compile: bool,
) -> Callable[..., tf.Tensor]:
    """Compiles a loop of steps.

    Returns:
        A function of an iterator and a number of steps n, scalar int32, that
        returns `(n, 4)` float32: the `FIGURES` of each step.
    """

    def step(values: Any, labels: tf.Tensor) -> tf.Tensor:
        with context(), tf.GradientTape() as tape:
            logits = model(values, training=True)
            loss = loss_of(values, labels, logits)
        weights = model.trainable_variables
        model.optimizer.apply(tape.gradient(loss, weights), weights)
        return figures.measure(model, loss, labels, logits)

    if jit_compile:
        step = tf.function(step, jit_compile=True)

    @tf.function(reduce_retracing=True)
    def run(iterator: Any, num_steps: tf.Tensor, tensors: Any) -> tf.Tensor:
        measured = tf.TensorArray(
            tf.float32, num_steps, element_shape=(len(FIGURES),)
        )
        for index in tf.range(num_steps):
            values, labels = source.take(tensors, iterator.get_next())
            measured = measured.write(index, step(values, labels))
        return measured.stack()

    return lambda iterator, num_steps: run(iterator, num_steps, source.tensors)
