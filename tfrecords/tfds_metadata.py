"""Metadata that TFDS reads beside the shards: names, features, splits."""

import pathlib
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from tfrecords import files, paths, schema, shard_lists

FILES = ("dataset_info.json", "features.json", "label.labels.txt")


def write_metadata(
    aside: paths.Path,
    directory: paths.Path,
    record_schema: schema.Schema,
    splits: Mapping[str, Sequence[schema.Shard]],
    description: str,
) -> tuple[str, ...]:
    """Writes the metadata of a set.

    Args:
        aside: Directory to write to.
        directory: `<...>/<kind>/<config>/<version>`, the final directory of
            the set; the metadata take their names from it.
        record_schema: Schema of the records.
        splits: Split name to its shards.
        description: Description of the set.

    Returns:
        Names of the files written.
    """
    features: dict[str, Any] = {
        "id": tfds.features.Text(),
        "label": tfds.features.ClassLabel(
            names=list(record_schema.label_names)
        ),
        record_schema.array: tfds.features.Tensor(
            shape=record_schema.shape, dtype=np.float32
        ),
    }
    jpeg = schema.JPEG.get(record_schema.kind)
    for name in record_schema.strings:
        features[name] = (
            tfds.features.Image(shape=(None, None, 3), encoding_format="jpeg")
            if name == jpeg
            else tfds.features.Text()
        )
    info = tfds.core.DatasetInfo(
        builder=tfds.core.dataset_info.DatasetIdentity(
            name=record_schema.kind,
            config_name=directory.parent.name,
            version=directory.name,
            # Not written, and TFDS does not know every store.
            data_dir=directory.name,
            module_name="",
        ),
        features=tfds.features.FeaturesDict(features),
        supervised_keys=(jpeg or record_schema.array, "label"),
        description=description,
    )
    info.set_file_format("tfrecord")
    info.set_splits(
        tfds.core.splits.SplitDict(
            [
                tfds.core.SplitInfo(
                    name=split,
                    shard_lengths=[shard.num_examples for shard in shards],
                    num_bytes=shard_lists.num_bytes(shards),
                    filename_template=tfds.core.ShardedFileTemplate(
                        dataset_name=record_schema.kind,
                        data_dir=pathlib.Path(directory.name),
                        split=split,
                        filetype_suffix="tfrecord",
                    ),
                )
                for split, shards in splits.items()
            ]
        )
    )
    # TFDS itself knows fewer stores than tf.io.gfile.
    with tempfile.TemporaryDirectory() as folder:
        info.write_to_directory(folder)
        for name in FILES:
            content = (pathlib.Path(folder) / name).read_bytes()
            files.write_bytes(aside / name, content)
    return FILES


def read_info(directory: paths.Path) -> tfds.core.DatasetInfo:
    """Reads the metadata of a set."""
    with tempfile.TemporaryDirectory() as folder:
        for name in FILES:
            (pathlib.Path(folder) / name).write_bytes(
                (directory / name).read_bytes()
            )
        return tfds.builder_from_directory(folder).info
