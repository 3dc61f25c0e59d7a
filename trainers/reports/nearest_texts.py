"""Texts of the records, and the train texts whose images are nearest."""

import dataclasses
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from tfrecords import paths, reader, schema
from trainers.training.inputs import read_images

# Train images that are compared: a report stays quick.
_MOST_COMPARED = 20_000
_RANGES = 20


@dataclasses.dataclass(frozen=True)
class Neighbour:
    """A train text beside a text of the validation split.

    Attributes:
        id: Id of its record.
        label: Index of its class.
        similarity: Cosine of the two images less the mean train image.
    """

    id: str
    label: int
    similarity: float


def find_texts(records: paths.Path | None, ids: Collection[str]) -> dict:
    """Reads the texts of some records.

    Args:
        records: Directory of `cls` records; `None` if they are gone.
        ids: Ids of the records, in any split.

    Returns:
        Record id to text; empty without records.
    """
    texts: dict[str, str] = {}
    if records is None:
        return texts
    manifest = reader.open_records(records, kind="cls")
    for split in ("validation", "train"):
        for batch in reader.read_records(records, split, manifest=manifest):
            for key, text in zip(
                batch["id"].numpy(), batch["text"].numpy(), strict=True
            ):
                if key.decode() in ids:
                    texts[key.decode()] = text.decode("utf-8", "replace")
            if len(texts) == len(ids):
                return texts
    return texts


def find_neighbours(
    records: paths.Path,
    manifest: schema.Manifest,
    ids: Sequence[str],
    mean: np.ndarray,
    count: int = 3,
) -> list[list[Neighbour]]:
    """Finds the nearest train images of some validation images.

    The memory does not grow with the train split, of which at most 20,000
    images are compared, from all over it.

    Args:
        records: Directory of the `image` records.
        manifest: Manifest of the records.
        ids: Ids of m validation records.
        mean: Mean train image, `(H, W, C)`.
        count: Neighbours per image.

    Returns:
        The neighbours of each, the nearest first.
    """
    queries = np.zeros((len(ids), mean.size), np.float32)
    place = {key: row for row, key in enumerate(ids)}
    for batch in read_images(records, "validation", manifest):
        keys = [key.decode() for key in batch["id"].numpy()]
        for row, key in enumerate(keys):
            if key in place:
                image = batch["image"][row]
                queries[place[key]] = _directions(image[np.newaxis], mean)
    best: list[list[Neighbour]] = [[] for _ in ids]
    for rows in _ranges(manifest.num_examples("train")):
        for batch in read_images(records, "train", manifest, rows=rows):
            similarities = queries @ _directions(batch["image"], mean).T
            for nearest, row in zip(best, similarities, strict=True):
                top = np.argsort(-row, kind="stable")[:count]
                nearest += [
                    Neighbour(
                        batch["id"].numpy()[index].decode(),
                        int(batch["label"][index]),
                        float(row[index]),
                    )
                    for index in top
                ]
                nearest.sort(key=lambda each: -each.similarity)
                del nearest[count:]
    return best


def _directions(images: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Unit vectors `(n, P)` from the mean to images `(n, H, W, C)`."""
    rows = (images - mean).reshape(len(images), -1)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.maximum(norms, np.finfo(np.float32).tiny)


def _ranges(num_train: int) -> Iterator[range]:
    """Evenly spaced ranges of the train split."""
    if num_train <= _MOST_COMPARED:
        yield range(num_train)
        return
    size = _MOST_COMPARED // _RANGES
    for start in np.linspace(0, num_train - size, _RANGES).astype(int):
        yield range(start, start + size)
