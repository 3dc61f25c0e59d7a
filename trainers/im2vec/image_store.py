"""Images on disk, decoded once, read through memory maps.

What grows with the corpus stays on disk: pixels are a memory map in their own
type (uint8, or float32 for this project's records), read one block at a time.
Memory holds the order of one epoch and the labels: 16 bytes per image.
"""

import array
import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tqdm
from absl import logging

from tfrecords import files
from trainers.im2vec import class_vectors, model, sources
from trainers.im2vec.config import Im2VecConfig
from trainers.im2vec.labelled_images import LabelledImages
from trainers.runs import json_files
from trainers.runs.file_list import FileList

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
    """The images of a dataset, ready to train on.

    Attributes:
        name: Name of the dataset.
        fingerprint: Fingerprint of its content and classes.
        class_names: K class names.
        shape: (H, W, C).
        train: Images to train on.
        test: Images to evaluate on.
    """

    name: str
    fingerprint: str
    class_names: tuple[str, ...]
    shape: tuple[int, int, int]
    train: Split
    test: Split


@dataclasses.dataclass(frozen=True)
class Statistics:
    """Statistics of the train images; uint8 pixels count as 0 to 1.

    Attributes:
        class_means: `(K, P)` float64, the mean image of each class.
        channel_mean: `(C,)` float64.
        channel_std: `(C,)` float64.
    """

    class_means: np.ndarray
    channel_mean: np.ndarray
    channel_std: np.ndarray


def prepare_images(config: Im2VecConfig, directory: pathlib.Path) -> Images:
    """Decodes a dataset into a directory, or reuses what it holds.

    Images in the directory are reused if their fingerprint is the one that the
    dataset has now.

    Args:
        config: Settings that name the dataset and its classes.
        directory: Directory of the decoded images and nothing else.

    Raises:
        FileNotFoundError: If `sources.open_images` raises it.
        ValueError: Likewise; or if the settings do not suit the images, they
            differ in size or hold values that are not finite, or a class has
            no images.
    """
    directory.mkdir(parents=True, exist_ok=True)
    index = directory / _INDEX
    source = sources.open_images(config)
    if not config.classifier:
        num_classes = len(source.class_names)
        class_vectors.require_square(
            config.inverse, num_classes, config.hidden or num_classes
        )
    entries = _reusable(directory, source.fingerprint)
    if entries is not None:
        logging.info("images: reusing %s", directory)
        return _open(directory, entries)
    logging.info("images: making %s", directory)
    index.unlink(missing_ok=True)  # a kill must not leave it with other images
    written = {
        split: _write(source, split, directory, config.normalization)
        for split in SPLITS
    }
    if written["train"]["shape"] != written["test"]["shape"]:
        raise ValueError(
            f"{source.name}: train and test images must have one size. "
            f"Received: {written['train']['shape']} and "
            f"{written['test']['shape']}"
        )
    entries = {
        "name": source.name,
        "fingerprint": source.fingerprint,
        "class_names": list(source.class_names),
        "splits": written,
    }
    FileList.of_run(directory).record(
        f"{split}.{kind}" for split in SPLITS for kind in ("pixels", "labels")
    )
    json_files.write_checked(index, entries)
    return _open(directory, entries)


def _reusable(
    directory: pathlib.Path, fingerprint: str
) -> dict[str, Any] | None:
    """Reads the index of intact images of a dataset; `None` without such."""
    index = directory / _INDEX
    if not index.is_file():
        return None
    try:
        entries = json_files.read(
            index,
            ("name", "fingerprint", "class_names", "splits"),
            cure="The images are decoded again.",
        )
        faults = FileList.of_run(directory).faults(hash_all=True)
    except ValueError as error:
        logging.warning("%s", error)
        return None
    for name, fault in faults.items():
        logging.warning(
            "%s: %s. The images are decoded again.", directory / name, fault
        )
    is_same = entries["fingerprint"] == fingerprint
    return entries if is_same and not faults else None


def _write(
    source: LabelledImages,
    split: str,
    directory: pathlib.Path,
    normalization: str,
) -> dict[str, Any]:
    """Writes pixels and labels of a split; returns its entry in the index."""
    entry: dict[str, Any] = {}
    labels = array.array("q")  # int64

    def write_pixels(path: pathlib.Path) -> None:
        with (
            path.open("wb") as file,
            tqdm.tqdm(unit="image", desc=split) as bar,
        ):
            for pixels, batch_labels in source.read(split):
                if not len(batch_labels):
                    continue
                shape = entry.setdefault("shape", pixels.shape[1:])
                model.check_normalization(
                    normalization, shape[-1], pixels.dtype.name
                )
                _check(source.name, split, len(labels), pixels, shape)
                entry["dtype"] = pixels.dtype.name
                file.write(np.ascontiguousarray(pixels).data)
                labels.frombytes(batch_labels.astype(np.int64).tobytes())
                bar.update(len(batch_labels))

    files.write_with(directory / f"{split}.pixels", write_pixels)
    _require_every_class(source, split, np.array(labels))
    files.write_bytes(directory / f"{split}.labels", labels.tobytes())
    return {**entry, "num_examples": len(labels)}


def _require_every_class(
    source: LabelledImages, split: str, labels: np.ndarray
) -> None:
    counts = np.bincount(labels, minlength=len(source.class_names))
    names = zip(source.class_names, counts, strict=True)
    empty = [name for name, count in names if not count]
    if empty:
        raise ValueError(
            f"{source.name}: every class must have images in {split}. "
            f"Received: no images of {', '.join(empty)}. Name other --classes."
        )


def _check(
    name: str,
    split: str,
    number: int,
    pixels: np.ndarray,
    shape: tuple[int, ...],
) -> None:
    if pixels.shape[1:] != shape:
        raise ValueError(
            f"{name}: all images must have one size, that of the first: "
            f"{shape}. Received: {pixels.shape[1:]}, image {number} of "
            f"{split}. Resize them, or name other --classes."
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
            "have values that are not finite. Remove or repair them."
        )


def _open(directory: pathlib.Path, entries: dict[str, Any]) -> Images:
    splits = {}
    for split, entry in entries["splits"].items():
        count = entry["num_examples"]
        width = int(np.prod(entry["shape"]))
        splits[split] = Split(
            _map(directory / f"{split}.pixels", entry["dtype"], (count, width)),
            _map(directory / f"{split}.labels", "int64", (count,)),
        )
    return Images(
        entries["name"],
        entries["fingerprint"],
        tuple(entries["class_names"]),
        tuple(entries["splits"]["train"]["shape"]),
        **splits,
    )


def _map(path: pathlib.Path, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    expected = int(np.prod(shape)) * np.dtype(dtype).itemsize
    received = path.stat().st_size if path.is_file() else 0
    if received != expected:
        raise ValueError(
            f"{path} must be {expected} bytes. Received: {received}. Delete "
            f"{path.parent} and run the same command again."
        )
    return np.memmap(path, dtype, mode="r", shape=shape)


def unit_scale(pixels: np.ndarray) -> float:
    """Factor that scales stored pixels: 1/255 for uint8, otherwise 1."""
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
