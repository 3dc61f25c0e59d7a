"""Images on disk, decoded once, read through memory maps.

What grows with the corpus stays on disk: pixels are a memory map in the type
they came in (uint8, or float32 for this project's records), of which a block at
a time is read. In memory stand one epoch's order and labels: 16 bytes an image.
"""

import dataclasses
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tqdm
from absl import logging

from tfrecords import files
from trainers.im2vec import labelled_images as source_
from trainers.im2vec import sources
from trainers.im2vec.config import Im2VecConfig

SPLITS = ("train", "test")
_BLOCK_BYTES = 16 << 20
_INDEX = "images.json"


@dataclasses.dataclass(frozen=True)
class Split:
    """Images of a split.

    Attributes:
        pixels: `(N, P)` uint8 or float32, a memory map.
        labels: `(N,)` int64.
    """

    pixels: np.ndarray
    labels: np.ndarray

    def blocks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Pixels and labels in order, about 16 MiB at a time."""
        rows = max(1, _BLOCK_BYTES // self.pixels[:1].nbytes)
        for start in range(0, len(self.labels), rows):
            part = slice(start, start + rows)
            yield np.asarray(self.pixels[part]), self.labels[part]


@dataclasses.dataclass(frozen=True)
class Images:
    """A dataset's images, ready to train on.

    Attributes:
        name: Of the dataset.
        fingerprint: Of its content and classes.
        class_names: K names.
        shape: (H, W, C).
        train: To learn from.
        test: To judge by.
    """

    name: str
    fingerprint: str
    class_names: tuple[str, ...]
    shape: tuple[int, int, int]
    train: Split
    test: Split


@dataclasses.dataclass(frozen=True)
class Statistics:
    """Figures of the train images, in the units of 0 to 1 for uint8.

    Attributes:
        class_means: `(K, P)` float64, the mean image of every class.
        channel_mean: `(C,)`.
        channel_std: `(C,)`.
    """

    class_means: np.ndarray
    channel_mean: np.ndarray
    channel_std: np.ndarray


def prepare_images(config: Im2VecConfig, directory: pathlib.Path) -> Images:
    """Decodes a dataset into a directory, or finds it there.

    What is found is used if its fingerprint is the dataset's of now.

    Args:
        config: Names the dataset and its classes.
        directory: For the decoded images alone.

    Raises:
        FileNotFoundError: As `sources.open_source`.
        ValueError: Likewise; or if images differ in size, hold values that
            are not finite, or a class has none.
    """
    directory.mkdir(parents=True, exist_ok=True)
    index = directory / _INDEX
    source = sources.open_source(config)
    if index.is_file():
        found = json.loads(index.read_text("utf-8"))
        if found["fingerprint"] == source.fingerprint:
            logging.info("images: reusing %s", directory)
            return _open(directory, found)
    logging.info("images: making %s", directory)
    index.unlink(missing_ok=True)  # a kill must not leave it beside others
    written = {split: _write(source, split, directory) for split in SPLITS}
    if written["train"]["shape"] != written["test"]["shape"]:
        raise ValueError(
            f"{source.name}: train and test images must be of one size. "
            f"Received: {written['train']['shape']} and "
            f"{written['test']['shape']}"
        )
    found = {
        "name": source.name,
        "fingerprint": source.fingerprint,
        "class_names": list(source.class_names),
        "splits": written,
    }
    files.write_text(index, json.dumps(found, indent=2))
    return _open(directory, found)


def _write(
    source: source_.Source, split: str, directory: pathlib.Path
) -> dict[str, Any]:
    """Appends a split's pixels and labels to files; returns what they hold."""
    shape: tuple[int, ...] | None = None
    counts = np.zeros(len(source.class_names), np.int64)
    paths = [directory / f"{split}.{kind}" for kind in ("pixels", "labels")]
    asides = [path.with_name(f"{path.name}.writing") for path in paths]
    with (
        asides[0].open("wb") as pixels_file,
        asides[1].open("wb") as labels_file,
        tqdm.tqdm(unit="image", desc=split) as bar,
    ):
        for pixels, labels in source.read(split):
            if not len(labels):
                continue
            shape = shape or pixels.shape[1:]
            _check(source.name, split, int(counts.sum()), pixels, shape)
            dtype = pixels.dtype.name
            pixels_file.write(np.ascontiguousarray(pixels).data)
            labels_file.write(labels.astype(np.int64).data)
            counts += np.bincount(labels, minlength=len(counts))
            bar.update(len(labels))
    if not counts.all():
        names = zip(source.class_names, counts, strict=True)
        empty = [name for name, count in names if not count]
        raise ValueError(
            f"{source.name}: every class must have images in {split}. There "
            f"is none of: {', '.join(empty)}. Leave them out of --classes."
        )
    for aside, path in zip(asides, paths, strict=True):
        files.sync(aside)
        aside.replace(path)
    return {"shape": shape, "dtype": dtype, "num_examples": int(counts.sum())}


def _check(
    name: str,
    split: str,
    number: int,
    pixels: np.ndarray,
    shape: tuple[int, ...],
) -> None:
    if pixels.shape[1:] != shape:
        raise ValueError(
            f"{name}: all images must be of one size, that of the first: "
            f"{shape}. Received: {pixels.shape[1:]}, image {number} of "
            f"{split}. Resize them, or choose other --classes."
        )
    if len(shape) != 3:
        raise ValueError(
            f"{name}: images must be (height, width, channels). Received: "
            f"shape={shape}. Name another --image_key or dataset."
        )
    if pixels.dtype.name not in ("uint8", "float32"):
        raise ValueError(
            f"{name}: pixels must be uint8 or float32. Received: "
            f"{pixels.dtype.name}. Name another --image_key or dataset."
        )
    if pixels.dtype == np.float32 and not np.isfinite(pixels).all():
        raise ValueError(
            f"{name}: {split} images {number} to {number + len(pixels) - 1} "
            "hold values that are not finite. Remove or repair them."
        )


def _open(directory: pathlib.Path, found: dict[str, Any]) -> Images:
    splits = {}
    for split, entry in found["splits"].items():
        count = entry["num_examples"]
        width = int(np.prod(entry["shape"]))
        splits[split] = Split(
            _map(directory / f"{split}.pixels", entry["dtype"], (count, width)),
            _map(directory / f"{split}.labels", "int64", (count,)),
        )
    return Images(
        found["name"],
        found["fingerprint"],
        tuple(found["class_names"]),
        tuple(found["splits"]["train"]["shape"]),
        **splits,
    )


def _map(path: pathlib.Path, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    expected = int(np.prod(shape)) * np.dtype(dtype).itemsize
    received = path.stat().st_size if path.is_file() else 0
    if received != expected:
        raise ValueError(
            f"{path} must be {expected} bytes. Received: {received}. Delete "
            f"{path.parent} and give the same command again."
        )
    return np.memmap(path, dtype, mode="r", shape=shape)


def unit_scale(pixels: np.ndarray) -> float:
    """What brings pixels to their unit: 1/255 for uint8, otherwise 1."""
    return 1 / 255 if pixels.dtype == np.uint8 else 1.0


def measure(images: Images) -> Statistics:
    """Class means and channel statistics, in one pass over the train split."""
    num_classes = len(images.class_names)
    sums = np.zeros((num_classes, images.train.pixels.shape[1]))
    squares = np.zeros(sums.shape[1])
    for pixels, labels in images.train.blocks():
        values = pixels.astype(np.float32)
        for label in np.unique(labels):
            sums[label] += values[labels == label].sum(axis=0, dtype=np.float64)
        squares += np.square(values).sum(axis=0, dtype=np.float64)
    scale = unit_scale(images.train.pixels)
    counts = np.bincount(images.train.labels, minlength=num_classes)
    total = len(images.train.labels)
    channels = images.shape[2]
    mean = sums.sum(axis=0).reshape(-1, channels).mean(axis=0) / total
    square = squares.reshape(-1, channels).mean(axis=0) / total
    return Statistics(
        sums / counts[:, None] * scale,
        mean * scale,
        np.sqrt(np.maximum(square - mean**2, 0)) * scale,
    )
