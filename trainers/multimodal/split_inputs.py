"""A split as what the trained part reads: kept in memory, or streamed.

The frozen layers never change, so what they make of a picture is computed
once, if memory holds it. Otherwise the records are read, and the frozen layers
run, in every step.
"""

import dataclasses
import math
import pathlib
from collections.abc import Iterator

import keras
import numpy as np
import tqdm

from tfrecords import schema
from trainers.multimodal import input_pipeline, model
from trainers.multimodal.config import MultimodalTrainConfig
from trainers.training.inputs import epoch_batches

_BATCH_SIZE = 64
Values = dict[str, np.ndarray]
Batch = tuple[Values, np.ndarray, list[str]]


@dataclasses.dataclass(frozen=True)
class Kept:
    """A split in memory.

    Attributes:
        values: The classifier's inputs, `(N, ...)` each.
        labels: `(N,)` int32.
        ids: `(N,)` record ids, in the records' order.
    """

    values: Values
    labels: np.ndarray
    ids: list[str]

    def epoch(self, batch_size: int, seed: int, epoch: int) -> Iterator[Batch]:
        """Every example once, in an order drawn from (seed, epoch)."""
        for rows in epoch_batches(len(self.labels), batch_size, seed, epoch):
            yield self._take(rows)

    def in_order(self) -> Iterator[Batch]:
        """Every example once, in the records' order."""
        for start in range(0, len(self.labels), _BATCH_SIZE):
            stop = min(start + _BATCH_SIZE, len(self.labels))
            yield self._take(np.arange(start, stop))

    def _take(self, rows: np.ndarray) -> Batch:
        values = {name: value[rows] for name, value in self.values.items()}
        return values, self.labels[rows], [self.ids[row] for row in rows]


@dataclasses.dataclass(frozen=True)
class Streamed:
    """A split read from its records each time.

    Attributes:
        directory: The records.
        manifest: Their manifest.
        split: Which.
        image_size: Of its pictures; `None` leaves them out.
        taken: Names of the inputs given out; `None` for all.
    """

    directory: pathlib.Path
    manifest: schema.Manifest
    split: str
    image_size: int | None
    taken: frozenset[str] | None = None

    def epoch(self, batch_size: int, seed: int, epoch: int) -> Iterator[Batch]:
        """As `Kept.epoch`, shuffled within a window."""
        drawn = int(np.random.default_rng([seed, epoch]).integers(1 << 31))
        for batch in self._read(batch_size, drawn):
            if len(batch[1]) > 1:  # batch norm cannot train on one
                yield batch

    def in_order(self) -> Iterator[Batch]:
        """As `Kept.in_order`."""
        yield from self._read(_BATCH_SIZE, None)

    def _read(self, batch_size: int, drawn: int | None) -> Iterator[Batch]:
        dataset = input_pipeline.read(
            self.directory,
            self.manifest,
            self.split,
            image_size=self.image_size,
            batch_size=batch_size,
            shuffle_seed=drawn,
        )
        for batch in dataset.as_numpy_iterator():
            labels = batch.pop("label").astype(np.int32)
            ids = [key.decode() for key in batch.pop("id")]
            if self.taken is not None:
                batch = {name: batch[name] for name in self.taken}
            yield batch, labels, ids


Split = Kept | Streamed


@dataclasses.dataclass
class Memo:
    """The splits that a run kept, for the next one with the same frozen layers.

    One set of splits is held at a time.
    """

    key: tuple[object, ...] = ()
    splits: dict[str, Kept] = dataclasses.field(default_factory=dict)

    def recall(
        self, key: tuple[object, ...], taken: set[str]
    ) -> dict[str, Split] | None:
        """The splits with the inputs that are taken, if it has them."""
        if self.key != key:
            return None
        return {
            split: Kept(
                {name: kept.values[name] for name in taken},
                kept.labels,
                kept.ids,
            )
            for split, kept in self.splits.items()
        }


def prepare_inputs(
    config: MultimodalTrainConfig,
    manifest: schema.Manifest,
    extractor: keras.Model | None,
    taken: set[str],
    *,
    only: str | None = None,
    memo: Memo | None = None,
) -> dict[str, Split]:
    """Opens every split, in memory if `cache_gb` holds them all.

    Args:
        config: The run's settings.
        manifest: Of its records.
        extractor: The frozen layers; `None` without pictures.
        taken: Names of the classifier's inputs.
        only: Opens this split alone.
        memo: What an earlier call kept; takes what this one keeps.

    Returns:
        Split name to its inputs: of the classifier if they are kept, of the
        whole model if they are streamed.
    """
    directory = pathlib.Path(config.records)
    shapes = [manifest.schema.shape]
    if extractor is not None:
        shapes += [output.shape[1:] for output in extractor.outputs]
    names = [only] if only else list(manifest.splits)
    total = sum(manifest.num_examples(split) for split in names)
    needed = 4 * total * sum(math.prod(shape) for shape in shapes)
    streamed = {
        split: Streamed(
            directory,
            manifest,
            split,
            None if extractor is None else config.image_size,
        )
        for split in names
    }
    if needed > config.cache_gb * 1e9:
        own = {name for name in taken if not name.startswith("maps_")}
        own |= {"image"} if extractor is not None else set()
        return {
            split: dataclasses.replace(source, taken=frozenset(own))
            for split, source in streamed.items()
        }
    key = _key(config, manifest, only, has_image=extractor is not None)
    found = memo.recall(key, taken) if memo else None
    if found is not None:
        return found
    memo = memo or Memo()
    memo.splits = {}  # before the new ones take their place in memory
    with tqdm.tqdm(total=total, unit="sample", desc="frozen maps") as progress:
        kept = {
            split: _keep(source, extractor, progress)
            for split, source in streamed.items()
        }
    memo.key, memo.splits = key, kept
    return memo.recall(key, taken) or {}


def _key(
    config: MultimodalTrainConfig,
    manifest: schema.Manifest,
    only: str | None,
    *,
    has_image: bool,
) -> tuple[object, ...]:
    """All that decides what `_keep` gives."""
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
    )


def _keep(
    source: Streamed,
    extractor: keras.Model | None,
    progress: tqdm.tqdm,
) -> Kept:
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
    whole = {
        name: np.concatenate([part.pop(name) for part in parts])
        for name in list(parts[0])
    }
    return Kept(whole, np.concatenate(labels), ids)
