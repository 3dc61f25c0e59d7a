"""Every fault of a record directory: shard, record, cause.

TFRecord's own checksums protect a record, not a file: a shard cut between two
records reads as a clean end. So every shard is compared with the manifest's
count, size and sha256, and read record by record.
"""

import math
import re

import numpy as np
import tensorflow as tf

from text2image import hashes
from tfrecords import (
    jpeg,
    paths,
    reader,
    schema,
    shard_lists,
    tfds_metadata,
)


def find_faults(directory: paths.Path) -> list[str]:
    """Lists the faults of a directory; an empty list means none.

    Args:
        directory: `<...>/<kind>/<config>/<version>`.
    """
    try:
        manifest = schema.Manifest.load(directory)
    except (FileNotFoundError, ValueError) as error:
        return [str(error)]
    faults = reader.manifest_faults(directory, manifest)
    try:
        return faults + _content_faults(directory, manifest)
    except (FileNotFoundError, ValueError) as error:  # of a list of shards
        return [*faults, str(error)]


def _content_faults(
    directory: paths.Path, manifest: schema.Manifest
) -> list[str]:
    """Lists the faults of the files that a manifest names."""
    faults = _metadata_faults(directory, manifest)
    vouched = {
        name
        for shards in manifest.splits.values()
        for name in shard_lists.file_names(shards)
    }
    present = {path.name for path in directory.glob("*.tfrecord*")}
    faults += [
        f"{name}: not in the manifest" for name in sorted(present - vouched)
    ]
    for name, sha256 in manifest.files.items():
        if not (directory / name).is_file():
            faults.append(f"{name}: missing")
        elif hashes.sha256_of_file(directory / name) != sha256:
            faults.append(f"{name}: changed since it was written")
    seen: dict[bytes, str] = {}
    for shards in manifest.splits.values():
        for shard in shards:
            faults += _shard_faults(directory, shard, manifest.schema, seen)
    return faults


def _metadata_faults(
    directory: paths.Path, manifest: schema.Manifest
) -> list[str]:
    """Compares the manifest with the metadata of TFDS."""
    try:
        info = tfds_metadata.read_info(directory)
        received = (
            info.name,
            tuple(info.features["label"].names),
            tuple(info.features[manifest.schema.array].shape),
            {name: split.shard_lengths for name, split in info.splits.items()},
        )
    except Exception as error:
        return [f"TFDS cannot read the directory ({error})"]
    expected = (
        manifest.schema.kind,
        manifest.schema.label_names,
        manifest.schema.shape,
        {
            name: [shard.num_examples for shard in shards]
            for name, shards in manifest.splits.items()
        },
    )
    names = ("kind", "label_names", "shape", "splits")
    return [
        f"{schema.MANIFEST}: {name} {expected_value}, but TFDS's metadata say "
        f"{received_value}"
        for name, expected_value, received_value in zip(
            names, expected, received, strict=True
        )
        if expected_value != received_value
    ]


def _shard_faults(
    directory: paths.Path,
    shard: schema.Shard,
    record_schema: schema.Schema,
    seen: dict[bytes, str],
) -> list[str]:
    path = directory / shard.file
    if not path.is_file():
        return [f"{shard.file}: missing"]
    faults = []
    size = path.stat().st_size
    if size != shard.num_bytes:
        faults.append(f"{shard.file}: {size} bytes, expected {shard.num_bytes}")
    sha256 = hashes.sha256_of_file(path)
    if sha256 != shard.sha256:
        faults.append(
            f"{shard.file}: sha256 {sha256[:12]}, expected {shard.sha256[:12]}"
        )
    record = 0
    records = iter(tf.data.TFRecordDataset([str(path)]))
    while True:
        try:
            serialized = next(records)
        except StopIteration:
            break
        except tf.errors.DataLossError as error:
            cause = re.search(r"\w+ record at \d+", error.message)
            faults.append(
                f"{shard.file}, record {record}: "
                f"{cause[0] if cause else error.message}"
            )
            return faults
        where = f"{shard.file}, record {record}"
        fault = _record_fault(serialized, record_schema, where, seen)
        if fault:
            faults.append(f"{where}: {fault}")
        record += 1
    if record != shard.num_examples:
        faults.append(
            f"{shard.file}: {record} records, expected {shard.num_examples}: "
            "cut between records, or records added or removed"
        )
    return faults


def _record_fault(
    serialized: tf.Tensor,
    record_schema: schema.Schema,
    where: str,
    seen: dict[bytes, str],
) -> str | None:
    """Returns the first fault of a record; notes its id in `seen`."""
    example = tf.train.Example()
    try:
        example.ParseFromString(serialized.numpy())
    except Exception as error:
        return f"not a tf.train.Example ({error})"
    feature = example.features.feature
    expected = {"id", "label", record_schema.array, *record_schema.strings}
    if set(feature) != expected:
        return f"features {sorted(feature)}, expected {sorted(expected)}"
    labels = feature["label"].int64_list.value
    num_classes = len(record_schema.label_names)
    if len(labels) != 1 or not 0 <= labels[0] < num_classes:
        return f"label {list(labels)}, expected one of 0-{num_classes - 1}"
    values = np.array(feature[record_schema.array].float_list.value)
    if len(values) != math.prod(record_schema.shape):
        return (
            f"{len(values)} values in {record_schema.array}, expected "
            f"{record_schema.shape}"
        )
    if not np.isfinite(values).all():
        return f"NaN or infinity in {record_schema.array}"
    for name in ("id", *record_schema.strings):
        count = len(feature[name].bytes_list.value)
        if count != 1:
            return f"{count} values in {name}, expected one"
    image = schema.JPEG.get(record_schema.kind)
    if image:
        try:
            jpeg.decode(feature[image].bytes_list.value[0])
        except ValueError as error:
            return f"cannot decode {image} ({error})"
    (key,) = feature["id"].bytes_list.value
    if key in seen:
        return f"id {key!r} again, first in {seen[key]}"
    seen[key] = where
    return None
