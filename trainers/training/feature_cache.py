"""What the trainable half reads, computed once: features, or pictures.

The frozen half never changes, nor does its output for a record. It is computed
in one pass over the records and kept, in memory up to a stated size and in a
file beyond.
"""

import dataclasses
import json
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tqdm

from tfrecords import files, reader, schema

_BATCH_SIZE = 64


class RowFile:
    """A `.npy` file that is read a few rows at a time.

    It is mapped while it is read and no longer, so that its pages do not
    count as the process's memory; the system keeps them as long as it likes.
    """

    def __init__(self, path: pathlib.Path) -> None:
        """Takes a file that is there and whole."""
        self._path = path
        self.shape = self._map().shape

    def _map(self) -> np.ndarray:
        return np.load(self._path, mmap_mode="r")

    def __len__(self) -> int:
        """N."""
        return int(self.shape[0])

    def __getitem__(self, rows: Any) -> np.ndarray:
        """A copy of the rows of a slice or an index array."""
        found = self._map()[rows]
        # An index array has copied them already.
        return np.array(found) if isinstance(rows, slice) else np.asarray(found)


@dataclasses.dataclass(frozen=True)
class Inputs:
    """A split, ready to be drawn from in any order.

    Attributes:
        values: `(N, h, w, M)` float32 maps or codes, or `(N, H, W, C)`
            pictures, in memory or in a file.
        labels: `(N,)` int32.
        ids: `(N,)` record ids, in the records' order.
    """

    values: np.ndarray | RowFile
    labels: np.ndarray
    ids: list[str]


def prepare_inputs(
    records: pathlib.Path,
    manifest: schema.Manifest,
    extractor: keras.Model | None,
    *,
    limit_bytes: float,
    scratch: pathlib.Path,
    share: str = "",
) -> dict[str, Inputs]:
    """Reads every split once, through the extractor if there is one.

    Args:
        records: The `image` records.
        manifest: Their manifest.
        extractor: Pictures to features; `None` keeps the pictures themselves
            (when the features of a picture depend on its batch).
        limit_bytes: Kept in memory up to so many bytes of all splits, else
            in files.
        scratch: Directory for those files; `clear` removes it.
        share: If not empty, leave everything in files too, and use what an
            earlier call left there under the same key.

    Returns:
        Split name to its inputs.
    """
    shape = manifest.schema.shape
    if extractor is not None:
        shape = tuple(extractor.output.shape[1:])
    counts = {split: manifest.num_examples(split) for split in manifest.splits}
    needed = 4 * int(np.prod(shape)) * sum(counts.values())
    fits = needed <= limit_bytes
    if stands(scratch, share):
        return {split: _reopen(scratch, split, fits) for split in counts}
    on_disk = bool(share) or not fits
    if on_disk:
        _make_room(scratch, needed)
    inputs = {}
    with tqdm.tqdm(
        total=sum(counts.values()), unit="image", desc="frozen maps"
    ) as progress:
        for split, count in counts.items():
            batches = _batches(records, split, manifest, extractor)
            if on_disk:
                inputs[split] = _write(
                    scratch, split, (count, *shape), batches, progress
                )
            else:
                inputs[split] = _collect((count, *shape), batches, progress)
    if not share:
        return inputs
    for split, found in inputs.items():
        files.write_bytes(
            scratch / f"{split}.json",
            json.dumps([found.labels.tolist(), found.ids]).encode(),
        )
    files.write_bytes(scratch / "key", share.encode())
    return {split: _reopen(scratch, split, fits) for split in counts}


def _make_room(scratch: pathlib.Path, needed: int) -> None:
    """An empty directory on a disk with so many bytes left."""
    clear(scratch)
    scratch.mkdir(parents=True)
    free = shutil.disk_usage(scratch).free
    if free < needed:
        raise OSError(
            f"{scratch} needs {needed / 1e9:.1f} GB for the frozen maps. "
            f"Free: {free / 1e9:.1f} GB. Free some, name another --workdir, "
            "or use --limit_train."
        )


def stands(scratch: pathlib.Path, share: str) -> bool:
    """Whether `prepare_inputs` has left everything there under this key."""
    key = scratch / "key"
    return bool(share) and key.is_file() and key.read_text("utf-8") == share


def _reopen(scratch: pathlib.Path, split: str, fits: bool) -> Inputs:
    labels, ids = json.loads((scratch / f"{split}.json").read_text("utf-8"))
    path = scratch / f"{split}.npy"
    values = np.load(path) if fits else RowFile(path)
    return Inputs(values, np.array(labels, np.int32), ids)


def read_pictures(
    records: pathlib.Path,
    split: str,
    manifest: schema.Manifest,
    batch_size: int = _BATCH_SIZE,
) -> Iterator[dict[str, Any]]:
    """Batches of `image` records, in their order.

    Raises:
        ValueError: If a picture is not finite.
    """
    seen = 0
    for batch in reader.read_records(
        records, split, batch_size=batch_size, manifest=manifest
    ):
        images = batch["image"].numpy()
        if not np.isfinite(images).all():
            raise ValueError(
                f"{records}, {split}: a picture among records {seen}-"
                f"{seen + len(images) - 1} is not finite. Run python -m "
                f"tfrecords.verify {records}"
            )
        seen += len(images)
        yield {**batch, "image": images}


def clear(scratch: pathlib.Path) -> None:
    """Removes the files of `prepare_inputs`."""
    if scratch.exists():
        shutil.rmtree(scratch)


_Batch = tuple[np.ndarray, np.ndarray, list[str]]


def _batches(
    records: pathlib.Path,
    split: str,
    manifest: schema.Manifest,
    extractor: keras.Model | None,
) -> Iterator[_Batch]:
    """Values, labels and ids of a split, in the records' order."""
    for batch in read_pictures(records, split, manifest):
        images = batch["image"]
        yield (
            images if extractor is None else predict(extractor, images),
            batch["label"].numpy().astype(np.int32),
            [key.decode() for key in batch["id"].numpy()],
        )


def _collect(
    shape: tuple[int, ...], batches: Iterator[_Batch], progress: tqdm.tqdm
) -> Inputs:
    """Everything in memory."""
    values = np.empty(shape, np.float32)
    labels = np.empty(shape[0], np.int32)
    ids: list[str] = []
    for rows, row_labels, row_ids in batches:
        start, stop = len(ids), len(ids) + len(rows)
        values[start:stop] = rows
        labels[start:stop] = row_labels
        ids += row_ids
        progress.update(len(rows))
    return Inputs(values, labels, ids)


def _write(
    scratch: pathlib.Path,
    split: str,
    shape: tuple[int, ...],
    batches: Iterator[_Batch],
    progress: tqdm.tqdm,
) -> Inputs:
    """Values in `SPLIT.npy`; labels and ids in memory."""
    path = scratch / f"{split}.npy"
    labels: list[int] = []
    ids: list[str] = []
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for rows, row_labels, row_ids in batches:
            file.write(np.ascontiguousarray(rows, "<f4").data)
            labels += row_labels.tolist()
            ids += row_ids
            progress.update(len(rows))
    return Inputs(RowFile(path), np.array(labels, np.int32), ids)


def predict(
    model: keras.Model, values: np.ndarray | dict[str, np.ndarray]
) -> np.ndarray:
    """One batch through a model in inference mode, as numpy."""
    return np.asarray(model.predict_on_batch(values))


def predict_all(
    model: keras.Model, values: np.ndarray | RowFile, batch_size: int
) -> np.ndarray:
    """All rows through a model, batch by batch, in order."""
    return np.concatenate(
        [
            predict(model, values[start : start + batch_size])
            for start in range(0, len(values), batch_size)
        ]
    )


def count_batches(num_examples: int, batch_size: int) -> int:
    """Steps of an epoch; see `epoch_batches`."""
    whole, rest = divmod(num_examples, batch_size)
    return whole + (rest > 1 or num_examples == 1)


def epoch_batches(
    inputs: Inputs, batch_size: int, seed: int, epoch: int
) -> Iterator[np.ndarray]:
    """Row numbers of each batch of an epoch, drawn from (seed, epoch).

    Every row comes once; a last batch of a single row is left out, because
    batch norm cannot train on it.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(inputs.labels))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        if len(rows) > 1 or len(order) == 1:
            yield np.sort(rows)  # ascending rows read a file front to back
