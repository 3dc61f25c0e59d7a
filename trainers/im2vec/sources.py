"""Opens labelled images: a TFDS dataset or image records."""

import pathlib
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from text2image.corpora import row_files, tfds_datasets
from tfrecords import reader, schema
from trainers.im2vec.config import Im2VecConfig
from trainers.im2vec.labelled_images import (
    Batches,
    LabelledImages,
    choose_classes,
    require_two,
    restrict,
)

_BATCH = 256


def open_images(config: Im2VecConfig) -> LabelledImages:
    """Opens the dataset that `--dataset` names and chooses its classes.

    Raises:
        FileNotFoundError: If it does not exist.
        ValueError: If it lacks the named images, labels, splits or classes,
            or fewer than two classes are left.
    """
    directory = pathlib.Path(config.dataset)
    if (directory / schema.MANIFEST).is_file():
        return _open_records(directory, config)
    return _open_tfds(config)


def _open_records(
    directory: pathlib.Path, config: Im2VecConfig
) -> LabelledImages:
    manifest = reader.open_records(directory, kind="image")
    if config.superclass:
        raise ValueError(
            "--superclass must be omitted: image records have none. "
            f"Received: {config.superclass!r}. Name --classes instead."
        )
    names = manifest.schema.label_names

    def read(split: str, lookup: np.ndarray) -> Batches:
        name = {"train": "train", "test": "validation"}[split]
        for batch in reader.read_records(directory, name, manifest=manifest):
            labels = lookup[batch["label"].numpy()]
            yield batch["image"].numpy()[labels >= 0], labels[labels >= 0]

    return restrict(
        directory.parent.name,
        {"records": manifest.fingerprint},
        names,
        choose_classes(names, config.classes),
        read,
    )


def _open_tfds(config: Im2VecConfig) -> LabelledImages:
    """Opens a TFDS dataset; raises as `open_images`."""
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
        require_two([names[label] for label in chosen])
    else:
        chosen = choose_classes(names, config.classes)

    def read(split: str, lookup: np.ndarray) -> Batches:
        return _read_tfds(builder, splits[split], config, lookup)

    content = {
        "name": builder.info.full_name,
        "splits": {
            split: [info.num_examples, info.num_bytes]
            for split, info in builder.info.splits.items()
        },
        "keys": [config.image_key, config.label_key],
    }
    return restrict(builder.name, content, names, chosen, read)


def _test_split(builder: Any) -> str:
    for split in ("test", "validation"):
        if split in builder.info.splits and "train" in builder.info.splits:
            return split
    raise ValueError(
        f"{builder.name} must have the splits train and test (or validation)."
        f" Received: {', '.join(builder.info.splits)}"
    )


def _as_dataset(builder: Any, split: str, **options: Any) -> tf.data.Dataset:
    return builder.as_dataset(
        split=split,
        shuffle_files=False,
        read_config=tfds.ReadConfig(
            interleave_cycle_length=1, try_autocache=False
        ),
        **options,
    )


def _classes_of_superclass(builder: Any, config: Im2VecConfig) -> list[int]:
    """Finds the labels that train records have with a superclass."""
    named = {
        key: tuple(feature.names)
        for key, feature in builder.info.features.items()
        if key != config.label_key and getattr(feature, "names", None)
    }
    keys = [key for key, names in named.items() if config.superclass in names]
    if not keys:
        raise ValueError(
            f"--superclass must be a superclass of {builder.name}: "
            f"{', '.join(sum(named.values(), ())) or 'it has none'}. "
            f"Received: {config.superclass!r}"
        )
    key = keys[0]
    wanted = named[key].index(config.superclass)
    # Only the two labels are read, no image is decoded.
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
) -> Batches:
    """Yields images of the chosen classes; the others are never decoded."""
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
    # One by one where sizes may differ, so that an error names the odd image.
    dataset = dataset.batch(1 if None in feature.shape else _BATCH)
    try:
        yield from dataset.prefetch(tf.data.AUTOTUNE).as_numpy_iterator()
    except tf.errors.OpError as error:
        raise ValueError(
            f"{builder.name}, {split}: records cannot be read "
            f"({error.message.splitlines()[0]}). Prepare the dataset again."
        ) from error
