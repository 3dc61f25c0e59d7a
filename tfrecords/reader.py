"""A record directory as a tf.data.Dataset. Needs neither BERT nor sklearn."""

import pathlib

import tensorflow as tf

from tfrecords import schema


def open_records(
    directory: pathlib.Path | str,
    *,
    kind: str | None = None,
    fingerprint: str | None = None,
) -> schema.Manifest:
    """Reads a manifest and checks the directory against it.

    Presence and size of every shard are checked here, before any training
    starts; the contents by `python -m tfrecords.verify`.

    Args:
        directory: `<...>/<kind>/<config>/<version>`.
        kind: Expected kind: `cls`, `image` or `multimodal`.
        fingerprint: Expected fingerprint.

    Raises:
        FileNotFoundError: If there is no manifest, or a shard is missing.
        ValueError: If kind, fingerprint or a shard's size do not fit.
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
            f"{directory} must hold records of fingerprint {fingerprint}. "
            f"Received: {manifest.fingerprint}. They were made from other "
            "texts or with other settings; build them again or name the "
            "right --records_dir."
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
                    f"{path.stat().st_size}. It was cut or changed: see python"
                    f" -m tfrecords.verify {directory}; then delete the "
                    "directory and build the records again."
                )
    return manifest


def read_records(
    directory: pathlib.Path | str,
    split: str,
    *,
    batch_size: int = 256,
    manifest: schema.Manifest | None = None,
) -> tf.data.Dataset:
    """Streams a split in its fixed order.

    Args:
        directory: As `open_records`.
        split: `train`, `validation` or, if there is one, `test`.
        batch_size: Records a batch; the last may be smaller.
        manifest: What `open_records` returned, if it was called.

    Returns:
        Batches: a dictionary with `id` `(n,)` string, `label` `(n,)` int64,
        `stack` `(n, L, D)`, `image` `(n, H, W, C)` or `text_vectors`
        `(n, 2, D)` float32, and what `schema.STRINGS` says, `(n,)` string:
        the `image` of multimodal records is JPEG bytes.

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
    files = [str(directory / shard.file) for shard in manifest.splits[split]]
    # Parsing on many threads, or through larger buffers, reads less a second.
    dataset = tf.data.TFRecordDataset(files).batch(batch_size)
    return dataset.map(manifest.schema.parse).prefetch(tf.data.AUTOTUNE)
