"""Training steps whose gradients are computed by several replicas.

Keras 3.15's own `fit` takes one step per execution under a strategy of
TensorFlow's, and none under `MultiWorkerMirroredStrategy`. Here a strategy does
what it is needed for: it runs the gradients of every replica and sums them.
Variables are those of one device, each process has its own, and all take the
same step. So `fit`, callbacks, checkpoints and validations need not know.
"""

import dataclasses
import functools
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import keras
import tensorflow as tf

from text2image import devices
from trainers.distribution.workers import Workers
from trainers.training import figures
from trainers.training.inputs import Inputs
from trainers.training.parallel_layers import START, over_the_whole_batch
from trainers.training.parts import Part
from trainers.training.sources import (
    Order,
    OrderedSource,
    Source,
    from_inputs,
)


def part_of(workers: Workers) -> Part:
    """Returns the replicas of this process."""
    local = workers.num_replicas // workers.count
    return Part(workers.index * local, local, workers.num_replicas)


def check_batches(
    workers: Workers, num_examples: int, batch_size: int, *, has_norms: bool
) -> None:
    """Refuses batches that the replicas cannot share.

    Args:
        workers: The replicas.
        num_examples: Examples of an epoch.
        batch_size: Examples per step.
        has_norms: Whether there is a batch norm in what trains.

    Raises:
        ValueError: If a replica would have no example, except in the last
            batch of a model without batch norm.
    """
    replicas = workers.num_replicas
    if batch_size < replicas:
        raise ValueError(
            f"--batch_size must be at least {replicas}, the number of "
            f"replicas. Received: {batch_size}"
        )
    rest = num_examples % batch_size
    # One left over is dropped in any case.
    if has_norms and 1 < rest < replicas:
        raise ValueError(
            f"The last of an epoch's batches has {rest} examples for "
            f"{replicas} replicas, and batch norm needs one in each. Use "
            f"another --batch_size. Received: {batch_size}"
        )


class _PartSource:
    """A source whose elements also say how many examples the step has."""

    def __init__(self, source: OrderedSource) -> None:
        self._source = source
        self.num_steps = source.num_steps
        self.num_examples = source.num_examples
        self.tensors = source.tensors
        self.take = source.take
        self.ids = source.ids

    def dataset(self, first: int, last: int) -> tf.data.Dataset:
        """Elements of this process, with the examples of all."""
        return tf.data.Dataset.zip(
            self._source.dataset(first, last),
            self._source.order.sizes(first, last),
        )


def divide(inputs: Inputs, order: Order, workers: Workers) -> Source:
    """Returns the source for this process's part of every step."""
    if workers.strategy is None:
        return from_inputs(inputs, order)
    order = dataclasses.replace(order, part=part_of(workers))
    return _PartSource(from_inputs(inputs, order))


def compile_steps(
    model: keras.Model,
    half: keras.Model,
    source: Source,
    context: Callable[[], AbstractContextManager[None]],
    loss_of: figures.Loss,
    workers: Workers,
) -> Callable[..., tf.Tensor]:
    """Compiles a loop of steps.

    Args:
        model: A compiled model; every term of its loss is a mean over the
            examples or does not depend on them.
        half: The part of it that trains.
        source: What `divide` returned.
        context: Sets the precision of what is traced.
        loss_of: Loss of the examples of a replica, of `figures.loss_of`.
        workers: The replicas.

    Returns:
        A function of an iterator and a number of steps n, scalar int32, that
        returns `(n, 4)` float32: the `FIGURES` of each step, over the examples
        of all replicas.
    """
    strategy, part = workers.strategy, part_of(workers)
    assert strategy is not None
    weights = model.trainable_variables
    others = model.non_trainable_variables
    sizes = [math.prod(weight.shape) for weight in weights]

    def of_replica(
        replica: tf.Tensor, size: tf.Tensor, values: Any, labels: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Gradients and figures in one vector; new values of `others`."""
        start, count = part.extent(replica, size)
        START.set(tf.minimum(start, size - 1))
        share = tf.cast(count, tf.float32) / tf.cast(size, tf.float32)
        with (
            tf.GradientTape() as tape,
            # Collects what layers assign: every process assigns it once.
            keras.StatelessScope(
                [(variable, variable.value) for variable in model.variables],
                collect_losses=True,
            ) as scope,
        ):
            logits = model(values, training=True)
            loss = loss_of(values, labels, logits)
            # Within a strategy, Keras divides losses by the replicas: its
            # own users then sum over equal parts.
            measured = figures.measure(
                model, loss, labels, logits
            ) * tf.constant([part.total, part.total, 1.0, 1.0])
            loss *= share * part.total
        gradients = tape.gradient(loss, [weight.value for weight in weights])
        flat = [
            tf.reshape(tf.cast(value, tf.float32), [-1])
            for value in (*gradients, measured * share)
        ]
        return tf.concat(flat, 0), list(map(scope.get_current_value, others))

    def step(values: Any, labels: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        def argument(context: Any) -> tuple[Any, ...]:
            replica = part.first + context.replica_id_in_sync_group % part.local
            take = functools.partial(part.take, replica=replica, size=size)
            return (
                tf.constant(replica),
                size,
                tf.nest.map_structure(take, values),
                take(labels),
            )

        with context(), over_the_whole_batch(half):
            totals, assigned = strategy.run(
                lambda arguments: of_replica(*arguments),
                (
                    strategy.experimental_distribute_values_from_function(
                        argument
                    ),
                ),
            )
        with tf.device(devices.name()):  # not the CPU, beside GPUs
            total = strategy.reduce(
                tf.distribute.ReduceOp.SUM, totals, axis=None
            )
        *gradients, measured = tf.split(total, [*sizes, len(figures.FIGURES)])
        model.optimizer.apply(
            [
                tf.reshape(gradient, weight.shape)
                for gradient, weight in zip(gradients, weights, strict=True)
            ],
            weights,
        )
        # The same in every replica.
        for variable, value in zip(others, assigned, strict=True):
            variable.assign(strategy.experimental_local_results(value)[0])
        count = tf.cast(size, tf.float32)
        return tf.concat([measured[:-1], [count]], 0)

    @tf.function(reduce_retracing=True)
    def run(iterator: Any, num_steps: tf.Tensor, tensors: Any) -> tf.Tensor:
        measured = tf.TensorArray(
            tf.float32, num_steps, element_shape=(len(figures.FIGURES),)
        )
        for index in tf.range(num_steps):
            element, size = iterator.get_next()
            values, labels = source.take(tensors, element)
            measured = measured.write(index, step(values, labels, size))
        return measured.stack()

    return lambda iterator, num_steps: run(iterator, num_steps, source.tensors)
