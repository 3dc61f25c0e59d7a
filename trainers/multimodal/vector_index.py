"""The joint vectors of a run's records on disk, and the rows nearest to some.

`index/` in the run's directory holds the vector of every row of the records,
memory-mapped: memory does not grow with the corpus. The search is exact.
"""

import dataclasses
import json
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from absl import logging

from trainers.multimodal import index_writing, loading
from trainers.runs import holding, json_files
from trainers.runs.file_list import FileList

DIRECTORY = "index"
_BLOCK_BYTES = 32 << 20


@dataclasses.dataclass(frozen=True)
class VectorIndex:
    """The rows of a run's records.

    Attributes:
        path: Directory of the index.
        widths: Tower to the width of its part of the joint vector, in the
            vector's order.
        splits: Split to its number of rows, in the order of the rows.
        vectors: Joint vectors `(N, D)` float32, a memory map; 0 where a row
            lacks a modality.
        lengths: Euclidean lengths of their parts, `(N, M)` float32, one per
            tower, a memory map.
        labels: Class of each row, `(N,)` int32, a memory map.
        starts: Where each row's line starts in the file of rows, `(N,)` int64,
            a memory map.
    """

    path: pathlib.Path
    widths: Mapping[str, int]
    splits: Mapping[str, int]
    vectors: np.ndarray
    lengths: np.ndarray
    labels: np.ndarray
    starts: np.ndarray

    def part(self, tower: str) -> slice:
        """The columns of a tower's vector."""
        names = list(self.widths)
        first = sum(self.widths[name] for name in names[: names.index(tower)])
        return slice(first, first + self.widths[tower])

    def numbers(self, split: str) -> range:
        """The rows of a split."""
        names = list(self.splits)
        first = sum(self.splits[name] for name in names[: names.index(split)])
        return range(first, first + self.splits[split])

    def nearest(
        self, queries: np.ndarray, top: int, rows: range | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Finds the rows with the greatest cosine to each query.

        The cosine is taken over the towers that the query has: where its part
        is 0, the modality is missing, and the rows' parts do not count
        either. A row without any of the query's modalities has the cosine 0.
        Equal rows come in their order.

        Args:
            queries: Joint vectors `(n, D)`.
            top: Rows per query; fewer if there are no more.
            rows: Rows to look at; by default all.

        Returns:
            Cosines `(n, top)` float32 and row numbers `(n, top)` int64,
            nearest first.
        """
        rows = rows or range(len(self.vectors))
        parts = [self.part(tower) for tower in self.widths]
        present = np.stack([queries[:, p].any(axis=1) for p in parts], axis=1)
        lengths = np.linalg.norm(queries, axis=1, keepdims=True)
        queries = queries / np.maximum(lengths, np.finfo(np.float32).tiny)
        scores = np.empty((len(queries), 0), np.float32)
        numbers = np.empty((len(queries), 0), np.int64)
        step = max(1, _BLOCK_BYTES // self.vectors[:1].nbytes)
        for first in range(rows.start, rows.stop, step):
            block = slice(first, min(first + step, rows.stop))
            squares = np.square(self.lengths[block])
            lengths = np.sqrt(present.astype(np.float32) @ squares.T)
            found = np.divide(
                queries @ self.vectors[block].T,
                lengths,
                where=lengths > 0,
                out=np.zeros_like(lengths),
            )
            these = np.broadcast_to(
                np.arange(block.start, block.stop), found.shape
            )
            scores = np.concatenate([scores, found], axis=1)
            numbers = np.concatenate([numbers, these], axis=1)
            best = np.argsort(-scores, axis=1, kind="stable")[:, :top]
            scores = np.take_along_axis(scores, best, axis=1)
            numbers = np.take_along_axis(numbers, best, axis=1)
        return scores, numbers

    def read(self, numbers: np.ndarray) -> list[dict[str, Any]]:
        """Reads rows: `id`, `label`, `split` and the beginning of texts."""
        rows = []
        with (self.path / index_writing.ROWS).open("rb") as file:
            for number in numbers:
                file.seek(int(self.starts[number]))
                rows.append(json.loads(file.readline()))
        return rows


def open_index(run: loading.Run) -> VectorIndex:
    """Opens a run's index; makes it if it is missing, damaged or of others.

    A killed making starts again.

    Raises:
        FileNotFoundError: If it must be made and the records are gone.
        ValueError: If they are damaged or not those of the run.
        RuntimeError: If another process is making it.
    """
    directory = run.workdir / DIRECTORY
    about = _reusable(run, directory)
    if about is None:
        with holding.hold(directory):
            logging.info("index: making %s", directory)
            about = index_writing.make(run, directory)
    maps = [
        np.load(directory / name, mmap_mode="r")
        for name in (
            index_writing.VECTORS,
            index_writing.LENGTHS,
            index_writing.LABELS,
            index_writing.STARTS,
        )
    ]
    # Lists of pairs: the keys of an object are sorted when they are written.
    return VectorIndex(
        directory, dict(about["widths"]), dict(about["splits"]), *maps
    )


def _reusable(
    run: loading.Run, directory: pathlib.Path
) -> dict[str, Any] | None:
    """What an intact index of the run says of itself; `None` without one."""
    path = directory / index_writing.ABOUT
    if not path.is_file():
        return None
    try:
        keys = (*index_writing.provenance(run), "widths", "splits")
        about = json_files.read(path, keys, cure="The index is made again.")
        faults = FileList.of_run(directory).faults(index_writing.FILES)
    except ValueError as error:
        logging.warning("%s", error)
        return None
    for name, fault in faults.items():
        logging.warning(
            "%s: %s. The index is made again.", directory / name, fault
        )
    is_same = all(
        about[key] == value
        for key, value in index_writing.provenance(run).items()
    )
    return about if is_same and not faults else None
