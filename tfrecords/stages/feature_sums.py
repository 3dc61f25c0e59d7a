"""Sums over the train stacks, group by group: statistics, then Gram matrix.

Floating-point sums depend on their order. So the train shards form fixed
groups, the rows of a group are added in their order, and the groups are merged
in theirs: whoever adds a group up, the sums have the same bits.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Self

import numpy as np
import tqdm

from text2image.deepinsight import scaling
from text2image.deepinsight.statistics import FeatureStatistics, GramMatrix
from tfrecords import files, reader, schema
from tfrecords.paths import Path, open_path
from tfrecords.shard_lists import num_examples
from tfrecords.units import arrays, plans, shard_files
from tfrecords.units.runner import Runner, run
from tfrecords.units.unit import Product, Unit

# 65,536 rows of default shards. In smaller groups, writing a Gram matrix takes
# longer than adding it up; more than 64 keep no more machines busy for long,
# and one machine merges them.
_LEAST_SHARDS, _MOST_GROUPS = 32, 64
_BATCH = 1024
_SCALER = "scaler.npz"


class Statistics:
    """The stage that adds up the statistics of features."""

    name = "scaler"
    noun = "text"

    def __init__(
        self,
        directory: Path,
        cls_dir: Path,
        manifest: schema.Manifest,
    ) -> None:
        """Stores the arguments.

        Args:
            directory: Gets a file per group.
            cls_dir: Directory of the `cls` records.
            manifest: Their manifest.
        """
        self.directory = directory
        self.plan = str(directory)
        self.cls_dir = cls_dir
        self.manifest = manifest

    def save_plan(self) -> None:
        """Writes what `open` reads in another process."""
        plans.save(self.directory, {"cls_dir": str(self.cls_dir)})

    @classmethod
    def open(cls, plan: str) -> Self:
        """Opens the records."""
        directory, values = plans.load(plan)
        cls_dir = open_path(values["cls_dir"])
        return cls(directory, cls_dir, reader.open_records(cls_dir, kind="cls"))

    def units(self) -> list[Unit]:
        """Returns a unit per group of train shards."""
        shards = self.manifest.splits["train"]
        size = max(_LEAST_SHARDS, -(-len(shards) // _MOST_GROUPS))
        return [
            Unit(
                f"{self.name}-{number:05d}.npz",
                num_examples(shards[first : first + size]),
                (first, size),
            )
            for number, first in enumerate(range(0, len(shards), size))
        ]

    def read(self, unit: Unit) -> None:
        """Reads nothing: rows are streamed."""

    def write(
        self, unit: Unit, content: None, progress: Callable[[int], object]
    ) -> Product:
        """Adds a group up and writes its sums."""
        sums = arrays.to_bytes(self.add_up(unit, progress))
        path = self.directory / unit.file
        return Product(shard_files.write_bytes(path, sums, unit.size))

    def add_up(
        self, unit: Unit, progress: Callable[[int], object]
    ) -> dict[str, np.ndarray]:
        """Adds up the rows of a group."""
        shards = self.manifest.splits["train"]
        row = num_examples(shards[: unit.key[0]])
        sums = FeatureStatistics.empty(int(np.prod(self.manifest.schema.shape)))
        for rows in self._rows(unit):
            sums.update(rows, first_row=row)
            progress(len(rows))
        return sums.to_arrays()

    def _rows(self, unit: Unit) -> Iterator[np.ndarray]:
        """Yields batches of the stacks of a group as rows, `(n, F)` float32."""
        first, size = unit.key
        shards = self.manifest.splits["train"][first : first + size]
        dataset = reader.read_records(
            self.cls_dir,
            "train",
            batch_size=_BATCH,
            manifest=dataclasses.replace(
                self.manifest, splits={"train": shards}
            ),
        )
        for batch in dataset:
            stacks = batch["stack"].numpy()
            yield stacks.reshape(len(stacks), -1)


class Distances(Statistics):
    """The stage that adds up the Gram matrix of scaled features."""

    name = "distances"

    def __init__(
        self,
        directory: Path,
        cls_dir: Path,
        manifest: schema.Manifest,
        scaler: scaling.Scaler,
        origin: np.ndarray,
    ) -> None:
        """Stores the arguments.

        Args:
            directory: Gets a file per group.
            cls_dir: Directory of the `cls` records.
            manifest: Their manifest.
            scaler: Scaler of the rows.
            origin: Origin of the Gram matrix, `(F,)`.
        """
        super().__init__(directory, cls_dir, manifest)
        self._scaler = scaler
        self._origin = origin

    def save_plan(self) -> None:
        """Writes what `open` reads in another process, the scaler too."""
        scaler = {**self._scaler.to_arrays(), "origin": self._origin}
        files.write_bytes(self.directory / _SCALER, arrays.to_bytes(scaler))
        super().save_plan()

    @classmethod
    def open(cls, plan: str) -> Self:
        """Opens the records and the scaler."""
        statistics = Statistics.open(plan)
        scaler = arrays.read(statistics.directory / _SCALER)
        return cls(
            statistics.directory,
            statistics.cls_dir,
            statistics.manifest,
            scaling.Scaler.from_arrays(scaler),
            scaler["origin"],
        )

    def add_up(
        self, unit: Unit, progress: Callable[[int], object]
    ) -> dict[str, np.ndarray]:
        """Adds up the products of the rows of a group."""
        gram = GramMatrix(self._origin)
        for rows in self._rows(unit):
            gram.update(self._scaler.transform(rows))
            progress(len(rows))
        return gram.to_arrays()


def sums_of_groups(
    stage: Statistics, runner: Runner
) -> Iterator[Mapping[str, np.ndarray]]:
    """Adds up all groups; yields the sums of each, in order.

    One group is added up here and leaves no file.
    """
    units = stage.units()
    if len(units) > 1:
        stage.save_plan()
        for mark in run(stage, units, runner):
            yield arrays.read(stage.directory / mark.shard.file)
        return
    (unit,) = units
    with tqdm.tqdm(
        total=unit.size, unit=stage.noun, desc=stage.name
    ) as progress:
        yield stage.add_up(unit, progress.update)
