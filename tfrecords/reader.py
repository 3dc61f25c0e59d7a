"""Record directory to tf.data.Dataset; needs neither BERT nor scikit-learn."""

import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfrecords import schema


def open_records(
    directory: pathlib.Path | str,
    *,
    kind: str | None = None,
    fingerprint: str | None = None,
) -> schema.Manifest:
    """Reads a manifest and checks the directory against it.

    Checks that every shard exists and has its size, before any training
    starts. `python -m tfrecords.verify` also checks the contents.

    Args:
        directory: `<...>/<kind>/<config>/<version>`.
        kind: Expected kind: `cls`, `image` or `multimodal`.
        fingerprint: Expected fingerprint.

    Raises:
        FileNotFoundError: If there is no manifest, or a shard is missing.
        ValueError: If kind, fingerprint or the size of a shard is wrong.
    """
    directory = pathlib.Path(directory)
    manifest = schema.Manifest.load(directory)
    if kind is not None and manifest.schema.kind != kind:
        raise ValueError(
            f"{directory} must hold {kind!r} records. Received: "
            f"{manifest.schema.kind!r}. Name another directory."
        )
    if fingerprint is not None and manifest.fingerprint != fingerprint:
        raise ValueError(
            f"{directory} must hold records with the fingerprint "
            f"{fingerprint}. Received: {manifest.fingerprint}. They were made "
            "from other texts or with other settings; build them again or "
            "name the right --records_dir."
        )
    for shards in manifest.splits.values():
        for shard in shards:
            path = directory / shard.file
            if not path.is_file():
                raise FileNotFoundError(
                    f"{path} is missing. Delete the directory and build the "
                    "records again."
                )
            if path.stat().st_size != shard.num_bytes:
                raise ValueError(
                    f"{path} must be {shard.num_bytes} bytes. Received: "
                    f"{path.stat().st_size}. It was cut or changed. For "
                    f"details run python -m tfrecords.verify {directory}; "
                    "then delete the directory and build the records again."
                )
    return manifest


def read_records(
    directory: pathlib.Path | str,
    split: str,
    *,
    batch_size: int = 256,
    manifest: schema.Manifest | None = None,
    rows: range | None = None,
) -> tf.data.Dataset:
    """Streams a split in its fixed order.

    Args:
        directory: `<...>/<kind>/<config>/<version>`.
        split: `train`, `validation` or, if there is one, `test`.
        batch_size: Records per batch; the last batch may be smaller.
        manifest: The manifest that `open_records` returned, if it was called.
        rows: Numbers of the records that are read, from 0, one after the
            other; by default all.

    Returns:
        Batches, each a dictionary of `id` `(n,)` string, `label` `(n,)` int64,
        `stack` `(n, L, D)`, `image` `(n, H, W, C)` or `text_vectors`
        `(n, 2, D)` float32, and the features in `schema.STRINGS`, `(n,)`
        string: the `image` of multimodal records is JPEG bytes.

    Raises:
        ValueError: If there is no such split.
    """
    directory = pathlib.Path(directory)
    if manifest is None:
        manifest = open_records(directory)
    if split not in manifest.splits:
        raise ValueError(
            f"`split` must be one of {sorted(manifest.splits)}. Received: "
            f"{split!r}"
        )
    shards, skipped = manifest.splits[split], 0
    if rows is not None:
        shards, skipped = _shards_of(shards, rows)
    files = [str(directory / shard.file) for shard in shards]
    # Parsing in parallel or reading through larger buffers is slower.
    dataset = tf.data.TFRecordDataset(files)
    if rows is not None:
        dataset = dataset.skip(skipped).take(len(rows))
    dataset = dataset.batch(batch_size)
    return dataset.map(manifest.schema.parse).prefetch(tf.data.AUTOTUNE)


def _shards_of(
    shards: Sequence[schema.Shard], rows: range
) -> tuple[list[schema.Shard], int]:
    """Finds the shards that hold some records.

    Returns:
        The shards, and how many records of the first come before the rows.
    """
    ends = np.cumsum([shard.num_examples for shard in shards])
    first, last = np.searchsorted(ends, [rows.start, rows.stop - 1], "right")
    skipped = rows.start - int(ends[first - 1] if first else 0)
    return list(shards[first : last + 1]), skipped
