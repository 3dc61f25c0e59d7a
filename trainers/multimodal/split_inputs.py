"""A split as the trained part reads it: kept in memory, or streamed.

The frozen layers never change, so their feature maps of an image are computed
once, if memory holds them. Otherwise the records are read, and the frozen
layers run, in every step.
"""

import dataclasses
import math
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf
import tqdm

from tfrecords import paths, schema
from trainers.multimodal import model
from trainers.multimodal.config import MultimodalTrainConfig
from trainers.multimodal.record_source import (
    BATCH_SIZE,
    Batch,
    Streamed,
    Values,
)
from trainers.training.inputs import empty, share
from trainers.training.sources import Order, Resident, Source


@dataclasses.dataclass(frozen=True)
class Kept:
    """A split in memory.

    Attributes:
        values: The classifier's inputs, `(N, ...)` each.
        labels: `(N,)` int32.
        ids: N record ids, in the records' order.
    """

    values: Values
    labels: np.ndarray
    ids: list[str]

    def source(self, batch_size: int, seed: int) -> Source:
        """Returns the examples of a training, on the device as a whole."""
        return Resident(
            {name: share(value) for name, value in self.values.items()},
            tf.constant(self.labels),
            self.ids,
            Order(len(self.labels), batch_size, seed),
        )

    def in_order(self) -> Iterator[Batch]:
        """Yields every example once, in the records' order."""
        for start in range(0, len(self.labels), BATCH_SIZE):
            rows = slice(start, start + BATCH_SIZE)
            values = {name: value[rows] for name, value in self.values.items()}
            yield values, self.labels[rows], self.ids[rows]


Split = Kept | Streamed


@dataclasses.dataclass
class Memo:
    """Kept splits of a run, for the next run with the same frozen layers.

    It holds the splits of one run at a time.
    """

    key: tuple[object, ...] = ()
    splits: dict[str, Kept] = dataclasses.field(default_factory=dict)

    def recall(
        self, key: tuple[object, ...], names: set[str]
    ) -> dict[str, Split] | None:
        """Returns the splits with the inputs named; `None` of another key."""
        if self.key != key:
            return None
        return {
            split: Kept(
                {name: kept.values[name] for name in names},
                kept.labels,
                kept.ids,
            )
            for split, kept in self.splits.items()
        }


def prepare_inputs(
    config: MultimodalTrainConfig,
    manifest: schema.Manifest,
    extractor: keras.Model | None,
    names: set[str],
    *,
    only: str | None = None,
    memo: Memo | None = None,
) -> dict[str, Split]:
    """Opens every split, in memory if `cache_gb` holds them all.

    Args:
        config: The run's settings.
        manifest: Manifest of its records.
        extractor: The frozen layers; `None` without images.
        names: Names of the classifier's inputs.
        only: Name of the only split to open; by default all are opened.
        memo: Splits of an earlier call, which are reused if they are the
            same; gets the splits of this call otherwise.

    Returns:
        Split name to the split: with the classifier's inputs if it is kept,
        with those of the whole model if it is streamed.
    """
    shapes = [manifest.schema.shape]
    if extractor is not None:
        shapes += [output.shape[1:] for output in extractor.outputs]
    splits = [only] if only else list(manifest.splits)
    total = sum(manifest.num_examples(split) for split in splits)
    needed = 4 * total * sum(math.prod(shape) for shape in shapes)
    streamed = {
        split: Streamed(
            paths.open_path(config.records),
            manifest,
            split,
            None if extractor is None else config.image_size,
        )
        for split in splits
    }
    if needed > config.cache_gb * 1e9:
        whole = {name for name in names if not name.startswith("maps_")}
        whole |= {"image"} if extractor is not None else set()
        return {
            split: dataclasses.replace(source, names=frozenset(whole))
            for split, source in streamed.items()
        }
    key = _key(config, manifest, only, has_image=extractor is not None)
    memo = memo or Memo()
    earlier = memo.recall(key, names)
    if earlier is not None:
        return earlier
    memo.splits = {}  # frees the memory that the new splits need
    with tqdm.tqdm(total=total, unit="sample", desc="features") as progress:
        memo.splits = {
            split: _keep(source, extractor, progress)
            for split, source in streamed.items()
        }
    memo.key = key
    return memo.recall(key, names) or {}


def _key(
    config: MultimodalTrainConfig,
    manifest: schema.Manifest,
    only: str | None,
    *,
    has_image: bool,
) -> tuple[object, ...]:
    """Everything that decides the result of `_keep`."""
    if not has_image:
        return manifest.fingerprint, only
    return (
        manifest.fingerprint,
        only,
        config.backbone,
        config.weights,
        config.image_size,
        config.frozen_fraction,
        config.seed,  # of layers that start at random
        config.from_run,
        config.pixel_range,
    )


def _keep(
    source: Streamed,
    extractor: keras.Model | None,
    progress: tqdm.tqdm,
) -> Kept:
    """Reads a split into memory, images as feature maps."""
    parts: list[Values] = []
    labels: list[np.ndarray] = []
    ids: list[str] = []
    for values, batch_labels, batch_ids in source.in_order():
        if extractor is not None:
            image = values.pop("image")
            values |= model.name_maps(extractor.predict_on_batch(image))
        parts.append(values)
        labels.append(batch_labels)
        ids += batch_ids
        progress.update(len(batch_ids))
    # Parts are freed as they are joined, so that one input is held twice.
    values = {
        name: _join([part.pop(name) for part in parts])
        for name in list(parts[0])
    }
    return Kept(values, np.concatenate(labels), ids)


def _join(parts: list[np.ndarray]) -> np.ndarray:
    """Joins float32 arrays to one that a device can share."""
    values = empty((sum(map(len, parts)), *parts[0].shape[1:]))
    return np.concatenate(parts, out=values)
