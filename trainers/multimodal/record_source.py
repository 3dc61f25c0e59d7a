"""A split that is read from its records each time."""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfrecords import paths, schema
from trainers.multimodal import input_pipeline
from trainers.training.inputs import count_batches
from trainers.training.sources import Source

BATCH_SIZE = 64  # of a split in order
Values = dict[str, np.ndarray]
# Inputs by name, labels `(n,)` int32 and record ids of n examples.
Batch = tuple[Values, np.ndarray, list[str]]


@dataclasses.dataclass(frozen=True)
class Streamed:
    """A split that is read from its records each time.

    Attributes:
        directory: Directory of the records.
        manifest: Manifest of the records.
        split: Name of the split.
        image_size: Height and width of its images; `None` leaves them out.
        names: Names of the inputs given out; `None` for all.
    """

    directory: paths.Path
    manifest: schema.Manifest
    split: str
    image_size: int | None
    names: frozenset[str] | None = None

    def source(self, batch_size: int, seed: int) -> Source:
        """Returns the examples of a training, read in every epoch."""
        return RecordSource(self, batch_size, seed)

    def in_order(self) -> Iterator[Batch]:
        """As `split_inputs.Kept.in_order`."""
        for batch in self.read(BATCH_SIZE).as_numpy_iterator():
            labels = batch["label"].astype(np.int32)
            ids = [key.decode() for key in batch["id"]]
            yield self.inputs(batch), labels, ids

    def read(
        self, batch_size: int, shuffle_seed: int | None = None
    ) -> tf.data.Dataset:
        """Batches as `input_pipeline.read` gives them."""
        return input_pipeline.read(
            self.directory,
            self.manifest,
            self.split,
            image_size=self.image_size,
            batch_size=batch_size,
            shuffle_seed=shuffle_seed,
        )

    def inputs(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The inputs given out, of a batch that was read."""
        names = self.names or batch.keys() - {"label", "id"}
        return {name: batch[name] for name in sorted(names)}


@dataclasses.dataclass(frozen=True)
class RecordSource:
    """A `sources.Source` of records, shuffled within a window.

    Attributes:
        streamed: The split.
        batch_size: Examples per step; the last of an epoch may have fewer.
        seed: Seed; the order of an epoch depends on it and the epoch alone.
    """

    streamed: Streamed
    batch_size: int
    seed: int

    @property
    def num_examples(self) -> int:
        """Examples per epoch."""
        return self.streamed.manifest.num_examples(self.streamed.split)

    @property
    def num_steps(self) -> int:
        """Steps per epoch."""
        return count_batches(self.num_examples, self.batch_size)

    def dataset(self, first: int, last: int) -> tf.data.Dataset:
        """Inputs by name and labels `(n,)` int32 of every step."""
        epochs = (
            self._read(epoch).map(self._without_ids)
            for epoch in range(first, last)
        )
        return functools.reduce(tf.data.Dataset.concatenate, epochs).prefetch(
            tf.data.AUTOTUNE
        )

    @property
    def tensors(self) -> Any:
        """Nothing."""
        return ()

    def take(self, tensors: Any, element: Any) -> tuple[Any, Any]:
        """Returns the element itself."""
        return element

    def ids(self, epoch: int, step: int) -> list[str]:
        """Record ids of one step, both counted from 0."""
        (batch,) = self._read(epoch).skip(step).take(1)
        return [key.decode() for key in batch["id"].numpy()]

    def _read(self, epoch: int) -> tf.data.Dataset:
        rng = np.random.default_rng([self.seed, epoch])
        # A last batch of one is left out, as in `epoch_batches`.
        return self.streamed.read(
            self.batch_size, int(rng.integers(1 << 31))
        ).take(self.num_steps)

    def _without_ids(
        self, batch: dict[str, tf.Tensor]
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        return self.streamed.inputs(batch), tf.cast(batch["label"], tf.int32)
