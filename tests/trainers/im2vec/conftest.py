"""Small prepared TFDS datasets whose images can be told apart."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from trainers.im2vec import image_store

CLASSES = ("ant", "bee", "cow", "dog")
SUPERCLASSES = ("insect", "mammal")


def _image(label, number, size=(4, 5)):
    """RGB noise with the label in its first byte."""
    rng = np.random.default_rng([label, number])
    image = rng.integers(0, 60, (*size, 3), dtype=np.uint8)
    image[..., label % 3] += np.uint8(40 + 30 * label)
    image[0, 0, 0] = label
    return image


@pytest.fixture
def draw_image():
    """Draws an image of `make_tfds`, from label and number."""
    return _image


@pytest.fixture
def make_tfds(tmp_path):
    """A factory of TFDS directories: image, label, superclass."""

    def make(
        *,
        counts=None,
        name="animals",
        names=CLASSES,
        shape=(4, 5, 3),
        size_of=lambda number: (4, 5),
    ) -> pathlib.Path:
        counts = {"train": 24, "test": 8} if counts is None else counts
        directory = tmp_path / name / "1.0.0"
        directory.mkdir(parents=True)
        features = tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(
                    shape=shape, encoding_format="png"
                ),
                "label": tfds.features.ClassLabel(names=names),
                "superclass": tfds.features.ClassLabel(names=SUPERCLASSES),
            }
        )
        infos = []
        for split, count in counts.items():
            file = directory / f"{name}-{split}.tfrecord-00000-of-00001"
            with tf.io.TFRecordWriter(str(file)) as writer:
                for number in range(count):
                    label = number % len(names)
                    example = {
                        "image": _image(label, number, size_of(number)),
                        "label": label,
                        "superclass": label // 2,
                    }
                    writer.write(
                        features.serialize_example(
                            features.encode_example(example)
                        )
                    )
            infos.append(
                tfds.core.SplitInfo(
                    name=split,
                    shard_lengths=[count],
                    num_bytes=file.stat().st_size,
                    filename_template=tfds.core.ShardedFileTemplate(
                        dataset_name=name,
                        data_dir=directory,
                        split=split,
                        filetype_suffix="tfrecord",
                    ),
                )
            )
        tfds.folder_dataset.write_metadata(
            data_dir=directory,
            features=features,
            split_infos=infos,
            description="Made by a test.",
        )
        return directory.parent

    return make


@pytest.fixture
def make_images():
    """A factory of `Images` in memory, the same for training and test."""

    def make(pixels, labels, shape):
        split = image_store.Split(pixels, np.asarray(labels, np.int64))
        names = tuple(f"class {index}" for index in range(max(labels) + 1))
        return image_store.Images("made", "0" * 12, names, shape, split, split)

    return make
