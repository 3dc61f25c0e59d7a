"""Labelled images, a batch at a time, from TFDS or from image records."""

import pathlib

import numpy as np

from tfrecords import reader, schema
from trainers.im2vec import source, tfds_source
from trainers.im2vec.config import Im2VecConfig


def open_source(config: Im2VecConfig) -> source.Source:
    """Opens what `--dataset` names and chooses its classes.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it has no images, labels, splits or classes of the
            names asked for, or fewer than two classes are left.
    """
    directory = pathlib.Path(config.dataset)
    if (directory / schema.MANIFEST).is_file():
        return _open_records(directory, config)
    return tfds_source.open_tfds(config)


def _open_records(
    directory: pathlib.Path, config: Im2VecConfig
) -> source.Source:
    manifest = reader.open_records(directory, kind="image")
    if config.superclass:
        raise ValueError(
            "--superclass must be left out: image records name none. "
            f"Received: {config.superclass!r}. Name --classes instead."
        )
    names = manifest.schema.label_names

    def read(split: str, lookup: np.ndarray) -> source.Batches:
        where = {"train": "train", "test": "validation"}[split]
        for batch in reader.read_records(directory, where, manifest=manifest):
            labels = lookup[batch["label"].numpy()]
            yield batch["image"].numpy()[labels >= 0], labels[labels >= 0]

    return source.make_source(
        directory.parent.name,
        {"records": manifest.fingerprint},
        names,
        source.choose_classes(names, config.classes),
        read,
    )
