"""Examples of a split that are read from their records in every epoch."""

import dataclasses
import functools
from typing import Any

import numpy as np
import tensorflow as tf

from tfrecords import paths, schema
from trainers.multimodal import input_pipeline
from trainers.training.inputs import count_batches


@dataclasses.dataclass(frozen=True)
class RecordSource:
    """A `sources.Source` of records, shuffled within a window.

    Attributes:
        directory: Directory of the records.
        manifest: Manifest of the records.
        split: Name of the split.
        image_size: Height and width of its images; `None` leaves them out.
        names: Names of the inputs given out; `None` for all.
        batch_size: Examples per step; the last of an epoch may have fewer.
        seed: Seed; the order of an epoch depends on it and the epoch alone.
    """

    directory: paths.Path
    manifest: schema.Manifest
    split: str
    image_size: int | None
    names: frozenset[str] | None
    batch_size: int
    seed: int

    @property
    def num_examples(self) -> int:
        """Examples per epoch."""
        return self.manifest.num_examples(self.split)

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
        shuffle_seed = np.random.default_rng([self.seed, epoch]).integers(
            1 << 31
        )
        # A last batch of one is left out, as in `epoch_batches`.
        return input_pipeline.read(
            self.directory,
            self.manifest,
            self.split,
            image_size=self.image_size,
            batch_size=self.batch_size,
            shuffle_seed=int(shuffle_seed),
        ).take(self.num_steps)

    def _without_ids(
        self, batch: dict[str, tf.Tensor]
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        names = self.names or set(batch) - {"label", "id"}
        values = {name: batch[name] for name in names}
        return values, tf.cast(batch["label"], tf.int32)
