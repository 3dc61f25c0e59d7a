"""The output of the frozen half for every record, computed once.

The frozen half never changes, and so neither does its output for a record. It
is computed in one pass over the records and kept: in memory up to a limit, in
files beyond it, and in files too if several trainings or processes share it.
Each process of a training computes its share of the records and reads all.
"""

import dataclasses
import json
import math
import pathlib
import shutil
from collections.abc import Iterator, Mapping

import keras
import numpy as np
import tqdm
from absl import logging

from tfrecords import files, paths, schema, system_errors
from trainers.distribution.workers import SINGLE, Workers
from trainers.runs import checkpoints
from trainers.runs.file_list import FILE, FileList
from trainers.training.inputs import (
    Inputs,
    RowFile,
    empty,
    predict,
    read_images,
)

# Bounds of shares: a batch is computed whole, as by one process.
READ_BATCH = 64
_PART = ".part-"
_KEY = "key"
_FITTED = "fitted.safetensors"
_Batch = tuple[np.ndarray, np.ndarray, list[str]]


@dataclasses.dataclass(frozen=True)
class FeatureCache:
    """A directory for the features of all records.

    Attributes:
        directory: Its path; created when needed.
        key: Hash of everything that the features depend on. With a key, all
            of them stay in files, for every training with the same key. An
            empty one keeps them for this process alone.
        limit_bytes: Size of all splits up to which they are in memory.
        workers: Processes that share the work; each reads the whole directory.
    """

    directory: pathlib.Path
    key: str = ""
    limit_bytes: float = 0.0
    workers: Workers = SINGLE

    def open(
        self, fitted: Mapping[str, keras.Variable]
    ) -> dict[str, Inputs] | None:
        """Opens what `fill` left under the same key.

        Args:
            fitted: Variables of the frozen half; set to the saved values.

        Returns:
            Split name to its inputs; `None` if the features are still to be
            computed.
        """
        path = self.directory / _KEY
        if not self.key or not path.is_file():
            return None
        if path.read_bytes() != self.key.encode("utf-8"):
            return None
        listed = FileList.of_run(self.directory)
        try:
            faults = listed.faults(hash_all=True)
        except ValueError as error:
            faults = {FILE: str(error)}
        for name, fault in faults.items():
            logging.warning(
                "%s: %s. The features are computed again.",
                self.directory / name,
                fault,
            )
        if faults or not listed.path.is_file():
            return None
        checkpoints.load(self.directory / _FITTED, dict(fitted))
        return self._read()

    def fill(
        self,
        records: paths.Path,
        manifest: schema.Manifest,
        extractor: keras.Model | None,
        fitted: Mapping[str, keras.Variable],
    ) -> dict[str, Inputs]:
        """Computes the features of every record.

        Args:
            records: Directory of the `image` records.
            manifest: Manifest of the records.
            extractor: Images to features; `None` keeps the images.
            fitted: Variables of the frozen half, saved for `open`.

        Returns:
            Split name to its inputs.

        Raises:
            OSError: If the disk has too little space for the files.
        """
        shape = manifest.schema.shape
        if extractor is not None:
            shape = tuple(extractor.output.shape[1:])
        num_examples = sum(map(manifest.num_examples, manifest.splits))
        num_bytes = 4 * int(np.prod(shape)) * num_examples
        workers = self.workers
        is_shared = bool(self.key) or workers.count > 1
        in_files = is_shared or num_bytes > self.limit_bytes
        if in_files and workers.is_chief:
            self._make_room(num_bytes)
        workers.barrier()
        inputs = {}
        shares = {
            split: workers.share(manifest.num_examples(split), READ_BATCH)
            for split in manifest.splits
        }
        with tqdm.tqdm(
            total=sum(map(len, shares.values())), unit="image", desc="features"
        ) as progress:
            for split, rows in shares.items():
                size = (len(rows), *shape)
                batches = _batches(
                    records,
                    split,
                    manifest,
                    extractor,
                    rows if workers.count > 1 else None,
                )
                if in_files:
                    name = self._name(split)
                    inputs[name] = self._write(name, size, batches, progress)
                else:
                    inputs[split] = _collect(size, batches, progress)
        if not is_shared:
            return inputs
        for name, part in inputs.items():
            files.write_text(
                self.directory / f"{name}.json",
                json.dumps([part.labels.tolist(), part.ids]),
            )
        workers.barrier()
        if self.key:
            checkpoints.save(self.directory / _FITTED, dict(fitted), {})
            FileList.of_run(self.directory).record(
                path.name for path in sorted(self.directory.iterdir())
            )
            # Last: with it, everything is there.
            files.write_text(self.directory / _KEY, self.key)
        for split in manifest.splits if workers.count > 1 else ():
            for index in range(workers.count):
                path = self.directory / f"{self._name(split, index)}.json"
                workers.await_file(path)
        return self._read()

    def clear(self) -> None:
        """Removes the directory."""
        if self.directory.exists():
            shutil.rmtree(self.directory)

    def _make_room(self, num_bytes: int) -> None:
        """Empties the directory and checks the free space."""
        self.clear()
        self.directory.mkdir(parents=True)
        free = shutil.disk_usage(self.directory).free
        if free < num_bytes:
            raise OSError(
                f"{self.directory} needs {num_bytes / 1e9:.1f} GB for the "
                f"features. Free: {free / 1e9:.1f} GB. Free some space, name "
                "another --workdir, or use --limit_train."
            )

    def _read(self) -> dict[str, Inputs]:
        """Opens the files, or reads them into memory if they fit."""
        parts: dict[str, list[pathlib.Path]] = {}
        for path in sorted(self.directory.glob("*.npy")):
            parts.setdefault(path.stem.partition(_PART)[0], []).append(path)
        num_bytes = sum(
            path.stat().st_size for paths in parts.values() for path in paths
        )
        inputs = {}
        for split, names in parts.items():
            rows = RowFile(*names)
            labels: list[int] = []
            ids: list[str] = []
            for path in names:
                content = path.with_suffix(".json").read_text("utf-8")
                part_labels, part_ids = json.loads(content)
                labels += part_labels
                ids += part_ids
            inputs[split] = Inputs(
                rows[:] if num_bytes <= self.limit_bytes else rows,
                np.array(labels, np.int32),
                ids,
            )
        return inputs

    def _name(self, split: str, index: int | None = None) -> str:
        """Names the files of a process's share of a split."""
        count = self.workers.count
        if count == 1:
            return split
        index = self.workers.index if index is None else index
        return f"{split}{_PART}{index:05d}-of-{count:05d}"

    def _write(
        self,
        name: str,
        shape: tuple[int, ...],
        batches: Iterator[_Batch],
        progress: tqdm.tqdm,
    ) -> Inputs:
        """Writes values to `NAME.npy`; keeps labels and ids in memory."""
        path = self.directory / f"{name}.npy"
        labels: list[int] = []
        ids: list[str] = []
        num_bytes = 4 * math.prod(shape)
        with (
            system_errors.while_writing(path, num_bytes),
            path.open("wb") as file,
        ):
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for rows, row_labels, row_ids in batches:
                file.write(np.ascontiguousarray(rows, "<f4").data)
                labels += row_labels.tolist()
                ids += row_ids
                progress.update(len(rows))
        return Inputs(RowFile(path), np.array(labels, np.int32), ids)


def _batches(
    records: paths.Path,
    split: str,
    manifest: schema.Manifest,
    extractor: keras.Model | None,
    rows: range | None,
) -> Iterator[_Batch]:
    """Yields features, labels and ids of some or all records, in order."""
    if rows is not None and not rows:
        return
    for batch in read_images(records, split, manifest, READ_BATCH, rows):
        images = batch["image"]
        yield (
            images if extractor is None else predict(extractor, images),
            batch["label"].numpy().astype(np.int32),
            [key.decode() for key in batch["id"].numpy()],
        )


def _collect(
    shape: tuple[int, ...], batches: Iterator[_Batch], progress: tqdm.tqdm
) -> Inputs:
    """Keeps everything in memory."""
    values = empty(shape)
    labels = np.empty(shape[0], np.int32)
    ids: list[str] = []
    for rows, row_labels, row_ids in batches:
        start, stop = len(ids), len(ids) + len(rows)
        values[start:stop] = rows
        labels[start:stop] = row_labels
        ids += row_ids
        progress.update(len(rows))
    return Inputs(values, labels, ids)
