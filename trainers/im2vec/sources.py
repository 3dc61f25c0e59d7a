"""Labelled images, a batch at a time, from TFDS or from image records."""

import pathlib
from typing import Any

import numpy as np
import tensorflow as tf

from text2image.corpora import row_files, tfds_datasets
from tfrecords import reader, schema
from trainers.im2vec import labelled_images
from trainers.im2vec.config import Im2VecConfig

_BATCH = 256


def open_source(config: Im2VecConfig) -> labelled_images.Source:
    """Opens what `--dataset` names and chooses its classes.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it has no images, labels, splits or classes of the
            names asked for, or fewer than two classes are left.
    """
    directory = pathlib.Path(config.dataset)
    if (directory / schema.MANIFEST).is_file():
        return _open_records(directory, config)
    return _open_tfds(config)


def _open_records(
    directory: pathlib.Path, config: Im2VecConfig
) -> labelled_images.Source:
    manifest = reader.open_records(directory, kind="image")
    if config.superclass:
        raise ValueError(
            "--superclass must be left out: image records name none. "
            f"Received: {config.superclass!r}. Name --classes instead."
        )
    names = manifest.schema.label_names

    def read(split: str, lookup: np.ndarray) -> labelled_images.Batches:
        where = {"train": "train", "test": "validation"}[split]
        for batch in reader.read_records(directory, where, manifest=manifest):
            labels = lookup[batch["label"].numpy()]
            yield batch["image"].numpy()[labels >= 0], labels[labels >= 0]

    return labelled_images.make_source(
        directory.parent.name,
        {"records": manifest.fingerprint},
        names,
        labelled_images.choose_classes(names, config.classes),
        read,
    )


def _open_tfds(config: Im2VecConfig) -> labelled_images.Source:
    """Opens a TFDS dataset; raises as `open_source`."""
    builder = tfds_datasets.open_builder(
        config.dataset, config.data_dir or None, config.download
    )
    row_files.check_keys(
        builder.name,
        builder.info.features,
        {"image_key": config.image_key, "label_key": config.label_key},
    )
    names = tuple(tfds_datasets.class_names(builder, config.label_key))
    splits = {"train": "train", "test": _test_split(builder)}
    if config.superclass:
        chosen = _classes_of_superclass(builder, config)
        labelled_images.require_two([names[label] for label in chosen])
    else:
        chosen = labelled_images.choose_classes(names, config.classes)

    def read(split: str, lookup: np.ndarray) -> labelled_images.Batches:
        return _read_tfds(builder, splits[split], config, lookup)

    content = {
        "name": builder.info.full_name,
        "splits": {
            split: [info.num_examples, info.num_bytes]
            for split, info in builder.info.splits.items()
        },
        "keys": [config.image_key, config.label_key],
    }
    return labelled_images.make_source(
        builder.name, content, names, chosen, read
    )


def _test_split(builder: Any) -> str:
    for split in ("test", "validation"):
        if split in builder.info.splits and "train" in builder.info.splits:
            return split
    raise ValueError(
        f"{builder.name} must have the splits train and test (or validation)."
        f" Received: {', '.join(builder.info.splits)}"
    )


def _as_dataset(builder: Any, split: str, **options: Any) -> tf.data.Dataset:
    import tensorflow_datasets as tfds

    return builder.as_dataset(
        split=split,
        shuffle_files=False,
        read_config=tfds.ReadConfig(
            interleave_cycle_length=1, try_autocache=False
        ),
        **options,
    )


def _classes_of_superclass(builder: Any, config: Im2VecConfig) -> list[int]:
    """Labels that the train records pair with a superclass."""
    import tensorflow_datasets as tfds

    named = {
        key: tuple(feature.names)
        for key, feature in builder.info.features.items()
        if key != config.label_key and getattr(feature, "names", None)
    }
    keys = [key for key, names in named.items() if config.superclass in names]
    if not keys:
        raise ValueError(
            f"--superclass must be one of {builder.name}'s: "
            f"{', '.join(sum(named.values(), ())) or 'it has none'}. "
            f"Received: {config.superclass!r}"
        )
    key = keys[0]
    wanted = named[key].index(config.superclass)
    # Only the two labels are read, no picture is decoded.
    labels = _as_dataset(
        builder,
        "train",
        decoders=tfds.decode.PartialDecoding(
            {config.label_key: True, key: True}
        ),
    ).batch(_BATCH)
    return sorted(
        {
            int(label)
            for batch in labels.as_numpy_iterator()
            for label in batch[config.label_key][batch[key] == wanted]
        }
    )


def _read_tfds(
    builder: Any, split: str, config: Im2VecConfig, lookup: np.ndarray
) -> labelled_images.Batches:
    """Pictures of the classes taken; the others are never decoded."""
    import tensorflow_datasets as tfds

    feature = builder.info.features[config.image_key]
    encoded = isinstance(feature, tfds.features.Image)
    decoders = {config.image_key: tfds.decode.SkipDecoding()} if encoded else {}
    table = tf.constant(lookup)

    def choose(example: dict[str, Any]) -> tuple[Any, Any]:
        label = example[config.label_key]
        known = tf.gather(table, tf.maximum(label, 0))
        return example[config.image_key], tf.where(
            label < 0, tf.constant(-1, tf.int64), known
        )

    def decode(image: Any, label: Any) -> tuple[Any, Any]:
        return (feature.decode_example(image) if encoded else image), label

    dataset = _as_dataset(builder, split, decoders=decoders)
    dataset = dataset.map(choose).filter(lambda _, label: label >= 0)
    dataset = dataset.map(decode, num_parallel_calls=tf.data.AUTOTUNE)
    # Sizes that may differ are met one by one, so that the odd one is named.
    dataset = dataset.batch(1 if None in feature.shape else _BATCH)
    try:
        yield from dataset.prefetch(tf.data.AUTOTUNE).as_numpy_iterator()
    except tf.errors.OpError as error:
        raise ValueError(
            f"{builder.name}, {split}: records cannot be read "
            f"({error.message.splitlines()[0]}). Prepare the dataset again."
        ) from error
