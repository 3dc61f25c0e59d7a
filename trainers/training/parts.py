"""Which examples of a step each replica takes."""

import dataclasses
from typing import Any

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Part:
    """The replicas of one process, among those of all.

    Replica r of R takes the examples [r n // R, (r + 1) n // R) of a step of n.
    One that would take none computes the nearest example, with weight 0: the
    mean of nothing is NaN.

    Attributes:
        first: Number of the process's first replica.
        local: Replicas of the process.
        total: Replicas of all processes.
    """

    first: int = 0
    local: int = 1
    total: int = 1

    def cut(self, batch: tf.Tensor) -> tf.Tensor:
        """Returns the examples of this process, at least one."""
        size = tf.shape(batch)[0]
        start = self._start(size)
        stop = (self.first + self.local) * size // self.total
        return batch[start : tf.maximum(stop, start + 1)]

    def extent(
        self, replica: Any, size: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Place of a replica's first example in the step, and their number."""
        start = replica * size // self.total
        return start, (replica + 1) * size // self.total - start

    def take(
        self, local: tf.Tensor, replica: int, size: tf.Tensor
    ) -> tf.Tensor:
        """Cuts a replica's examples out of those of its process.

        Args:
            local: What `cut` returned, or what belongs to it, `(m, ...)`.
            replica: Number of a replica of this process.
            size: Examples of the step, scalar int32.
        """
        start, count = self.extent(replica, size)
        start = tf.minimum(start - self._start(size), tf.shape(local)[0] - 1)
        return local[start : start + tf.maximum(count, 1)]

    def _start(self, size: tf.Tensor) -> tf.Tensor:
        return tf.minimum(self.first * size // self.total, size - 1)


WHOLE = Part()
