"""A random sample of natural images: from a folder or a TFDS dataset."""

import dataclasses
import hashlib
import pathlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from text2image.corpora import examples, image_folders, tfds_datasets
from text2image.corpora.tfds_builders import is_tfds_directory, open_builder
from text2image.corpora.tfds_splits import Slice
from trainers.shift.options import SAMPLE

# Those that filters were not trained on come first.
_SPLITS = ("test", "validation", "train")


@dataclasses.dataclass(frozen=True)
class NaturalImages:
    """Encoded images, decoded when they are used.

    Attributes:
        name: What they are of, for reports.
        places: File, or number in the dataset, of each.
        encoded: The content of each file.
    """

    name: str
    places: tuple[str, ...]
    encoded: tuple[bytes, ...]

    def __len__(self) -> int:
        """Returns the number of images."""
        return len(self.encoded)

    def __getitem__(self, rows: slice) -> "NaturalImages":
        """Returns some of the images."""
        return NaturalImages(self.name, self.places[rows], self.encoded[rows])

    @property
    def sha256(self) -> str:
        """Hash of the files."""
        digests = [hashlib.sha256(each).digest() for each in self.encoded]
        return hashlib.sha256(b"".join(digests)).hexdigest()

    def batches(
        self, height: int, width: int, batch_size: int
    ) -> Iterator[np.ndarray]:
        """Yields RGB `(n, height, width, 3)` float32 in [0, 1].

        The middle of each image is cut out in the asked ratio and resized,
        bilinear, with antialiasing where it shrinks.

        Raises:
            ValueError: If one cannot be decoded; names it.
        """
        for start in range(0, len(self), batch_size):
            rows = range(start, min(start + batch_size, len(self)))
            yield np.stack([self._decode(row, height, width) for row in rows])

    def _decode(self, row: int, height: int, width: int) -> np.ndarray:
        try:
            image = tf.io.decode_image(
                self.encoded[row], channels=3, expand_animations=False
            )
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(
                "Natural images must be JPEG, PNG, GIF or BMP. Received: "
                f"{self.places[row]}, which is none or damaged. Convert or "
                "remove it."
            ) from error
        resized = keras.ops.image.resize(
            tf.cast(image, tf.float32) / 255.0,
            (height, width),
            antialias=True,
            crop_to_aspect_ratio=True,
            data_format="channels_last",
        )
        return np.asarray(resized)


def read_sample(
    source: str,
    count: int,
    seed: int,
    *,
    data_dir: str = "",
    download: bool = False,
) -> NaturalImages:
    """Draws images without replacement.

    Args:
        source: A folder of images, in folders or not; a directory that TFDS
            prepared, or a TFDS name. Of TFDS's splits the first of test,
            validation and train is taken.
        count: Number of images.
        seed: Seed of the draw, and of the order.
        data_dir: Where TFDS keeps its datasets.
        download: Whether TFDS may fetch a missing dataset.

    Raises:
        FileNotFoundError: If there is no such folder or dataset.
        ValueError: If it holds fewer images, or none.
    """
    folder = pathlib.Path(source)
    if folder.is_dir() and not is_tfds_directory(folder):
        return _from_folder(folder, count, seed)
    try:
        builder = open_builder(source, data_dir or None, download)
    except (OSError, ValueError) as error:
        # The builder's errors name the flag of texts.
        message = str(error).replace("--dataset", "--images")
        raise type(error)(message) from error
    return _from_tfds(builder, count, seed)


def _draw(available: int, count: int, seed: int, source: str) -> np.ndarray:
    if available < count:
        most = available // 2
        smaller = f"Use --sample={most} or name" if most in SAMPLE else "Name"
        raise ValueError(
            f"--images must hold {count} images, twice --sample: those that "
            f"are compared with texts and as many to compare with. Received: "
            f"{source} with {available}. {smaller} another source."
        )
    return np.random.default_rng(seed).permutation(available)[:count]


def _from_folder(folder: pathlib.Path, count: int, seed: int) -> NaturalImages:
    found = image_folders.read_images(folder, lambda row: {}, None)
    images = [examples.usable(each) for each in found]
    rows = _draw(len(images), count, seed, str(folder))
    return NaturalImages(
        folder.resolve().name,
        tuple(images[row].place for row in rows),
        tuple(images[row].read_image() for row in rows),
    )


def _from_tfds(builder: Any, count: int, seed: int) -> NaturalImages:
    keys = [
        key
        for key, feature in builder.info.features.items()
        if isinstance(feature, tfds.features.Image)
    ]
    if len(keys) != 1:
        raise ValueError(
            "--images must name a dataset with one feature that is an image. "
            f"Received: {builder.name} with {keys or 'none'}."
        )
    splits = [name for name in _SPLITS if name in builder.info.splits]
    split = (splits or list(builder.info.splits))[0]
    available = builder.info.splits[split].num_examples
    rows = _draw(available, count, seed, builder.name)
    chosen = set(rows.tolist())
    stream = tfds_datasets.read_rows(
        builder, Slice(split, 0, max(chosen) + 1), undecoded=keys, only=keys
    )
    encoded = {
        row: values[keys[0]]
        for row, values in enumerate(stream)
        if row in chosen
    }
    return NaturalImages(
        f"{builder.name}, {split}",
        tuple(f"{builder.name}, {split}, example {row}" for row in rows),
        tuple(encoded[row] for row in rows.tolist()),
    )
