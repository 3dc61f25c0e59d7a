"""The examples of an epoch as `tf.data`: row numbers, or rows of a file.

What never changes lies on the device as a whole, and a step gathers its rows
there by their numbers. What does not fit is read ahead of the steps.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from text2image import devices
from trainers.training.inputs import (
    Inputs,
    RowFile,
    count_batches,
    epoch_batches,
    share,
)
from trainers.training.parts import WHOLE, Part

# Of a GPU's memory; the rest is for weights, gradients and activations.
_DEVICE_SHARE = 0.5


@dataclasses.dataclass(frozen=True)
class Order:
    """Which examples each step of each epoch takes.

    Attributes:
        num_examples: N.
        batch_size: Examples per step; the last of an epoch may have fewer.
        seed: Seed; the order of an epoch depends on it and the epoch alone.
        drops_single: Whether a last batch of one example is left out, on which
            batch norm cannot train.
        part: This process's part of every step; by default all of it.
    """

    num_examples: int
    batch_size: int
    seed: int
    drops_single: bool = True
    part: Part = WHOLE

    @property
    def num_steps(self) -> int:
        """Steps per epoch."""
        if not self.drops_single:
            return -(-self.num_examples // self.batch_size)
        return count_batches(self.num_examples, self.batch_size)

    def rows(self, epoch: int, step: int) -> np.ndarray:
        """Returns all row numbers of one step, both counted from 0."""
        return self._batches(epoch)[step]

    def dataset(self, first: int, last: int) -> tf.data.Dataset:
        """Row numbers `(n,)` int32 of every step of the epochs [first, last).

        Those of this process's part.

        numpy is called once per epoch, a whole epoch ahead of its steps.
        """

        def draw(epoch: np.ndarray) -> np.ndarray:
            return np.concatenate(self._batches(int(epoch))).astype(np.int32)

        def steps(epoch: tf.Tensor) -> tf.data.Dataset:
            rows = tf.ensure_shape(
                tf.numpy_function(draw, [epoch], tf.int32), (None,)
            )

            def one(step: tf.Tensor) -> tf.Tensor:
                start = step * self.batch_size
                batch = rows[start : start + self.batch_size]
                return batch if self.part == WHOLE else self.part.cut(batch)

            return tf.data.Dataset.range(self.num_steps).map(one)

        return tf.data.Dataset.range(first, last).flat_map(steps)

    def sizes(self, first: int, last: int) -> tf.data.Dataset:
        """Examples, scalar int32, of every step, in the parts of all."""

        def size(step: tf.Tensor) -> tf.Tensor:
            start = tf.cast(step, tf.int32) * self.batch_size
            return tf.minimum(self.batch_size, self.num_examples - start)

        steps = tf.data.Dataset.range(self.num_steps)
        return steps.map(size).repeat(last - first)

    def _batches(self, epoch: int) -> list[np.ndarray]:
        return list(
            epoch_batches(
                self.num_examples,
                self.batch_size,
                self.seed,
                epoch,
                drops_single=self.drops_single,
            )
        )


class Source(Protocol):
    """Where the steps of a training take their examples from."""

    @property
    def num_steps(self) -> int:
        """Steps per epoch."""

    @property
    def num_examples(self) -> int:
        """Examples per epoch."""

    def dataset(self, first: int, last: int) -> tf.data.Dataset:
        """One element per step of the epochs [first, last), prefetched."""

    @property
    def tensors(self) -> Any:
        """What lies on the device as a whole, handed to `take`.

        Handed on, because TensorFlow never frees what a loop in a function
        captures.
        """

    def take(self, tensors: Any, element: Any) -> tuple[Any, Any]:
        """Inputs and labels of an element, inside the compiled steps."""

    def ids(self, epoch: int, step: int) -> list[str]:
        """Record ids of one step, both counted from 0."""


class OrderedSource(Source, Protocol):
    """A source whose order decides what each process takes."""

    @property
    def order(self) -> Order:
        """Which examples each step takes."""


class _Ordered:
    """What examples have in common that an `Order` draws."""

    record_ids: Sequence[Any]
    order: Order

    @property
    def num_steps(self) -> int:
        """Steps per epoch."""
        return self.order.num_steps

    @property
    def num_examples(self) -> int:
        """Examples per epoch."""
        return self.order.num_examples

    def ids(self, epoch: int, step: int) -> list[str]:
        """Record ids of one step."""
        rows = self.order.rows(epoch, step)
        return [str(self.record_ids[row]) for row in rows]


@dataclasses.dataclass(frozen=True)
class Resident(_Ordered):
    """Examples that lie on the device as a whole.

    Attributes:
        values: Inputs of the model: a tensor `(N, ...)`, or a structure of
            such tensors.
        labels: `(N,)` integers.
        record_ids: N record ids, or numbers.
        order: Order of the examples.
    """

    values: Any
    labels: tf.Tensor
    record_ids: Sequence[Any]
    order: Order

    def dataset(self, first: int, last: int) -> tf.data.Dataset:
        """Row numbers `(n,)` of every step."""
        return self.order.dataset(first, last).prefetch(tf.data.AUTOTUNE)

    @property
    def tensors(self) -> Any:
        """All inputs and labels."""
        return self.values, self.labels

    def take(self, tensors: Any, element: tf.Tensor) -> tuple[Any, Any]:
        """Gathers the rows of a step."""
        return tf.nest.map_structure(
            lambda tensor: tf.gather(tensor, element), tensors
        )


@dataclasses.dataclass(frozen=True)
class FromHost(_Ordered):
    """Examples that are sent to the device, some steps ahead.

    Attributes:
        values: Rows `(N, ...)`, in a file or in memory.
        labels: `(N,)` integers.
        record_ids: N record ids, or numbers.
        order: Order of the examples.
    """

    values: RowFile | np.ndarray
    labels: np.ndarray
    record_ids: Sequence[Any]
    order: Order

    def dataset(self, first: int, last: int) -> tf.data.Dataset:
        """Inputs `(n, ...)` and labels `(n,)` of every step."""
        read: Callable[..., Any] = self.values.__getitem__

        def rows_of(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            values = tf.numpy_function(read, [rows], self.values.dtype)
            values = tf.ensure_shape(values, (None, *self.values.shape[1:]))
            return values, tf.gather(self.labels, rows)

        # In the order of the steps, however many are read at a time.
        return (
            self.order.dataset(first, last)
            .map(rows_of, tf.data.AUTOTUNE, deterministic=True)
            .prefetch(tf.data.AUTOTUNE)
        )

    @property
    def tensors(self) -> Any:
        """Nothing."""
        return ()

    def take(self, tensors: Any, element: Any) -> tuple[Any, Any]:
        """Returns the element itself."""
        return element


def from_inputs(inputs: Inputs, order: Order) -> OrderedSource:
    """Returns the source for a split: on the device as a whole if it fits."""
    values = on_device(inputs.values)
    if isinstance(values, tf.Tensor):
        return Resident(values, tf.constant(inputs.labels), inputs.ids, order)
    return FromHost(values, inputs.labels, inputs.ids, order)


def on_device(
    values: np.ndarray | RowFile, beside: int = 0
) -> np.ndarray | RowFile | tf.Tensor:
    """Puts the rows of a split on the device, if they fit.

    They fit if `--cache_gb` left them in memory; on a GPU, if they take no
    more than the share of its memory that a training leaves.

    Args:
        values: Rows `(N, ...)`.
        beside: Bytes of other splits that lie there.

    Returns:
        A tensor of the same rows, or `values` as they were.
    """
    if isinstance(values, RowFile):
        return values
    room = devices.memory_bytes() * _DEVICE_SHARE - beside
    if devices.has_gpu() and values.nbytes > room:
        return values
    return share(values)
