"""Record directory to tf.data.Dataset; needs neither BERT nor scikit-learn."""

import tensorflow as tf

from tfrecords import schema
from tfrecords.paths import Path, open_path


def open_records(
    directory: Path | str,
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
    directory = open_path(directory)
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
    directory: Path | str,
    split: str,
    *,
    batch_size: int = 256,
    manifest: schema.Manifest | None = None,
) -> tf.data.Dataset:
    """Streams a split in its fixed order.

    Args:
        directory: `<...>/<kind>/<config>/<version>`.
        split: `train`, `validation` or, if there is one, `test`.
        batch_size: Records per batch; the last batch may be smaller.
        manifest: The manifest that `open_records` returned, if it was called.

    Returns:
        Batches, each a dictionary of `id` `(n,)` string, `label` `(n,)` int64,
        `stack` `(n, L, D)`, `image` `(n, H, W, C)` or `text_vectors`
        `(n, 2, D)` float32, and the features in `schema.STRINGS`, `(n,)`
        string: the `image` of multimodal records is JPEG bytes.

    Raises:
        ValueError: If there is no such split.
    """
    directory = open_path(directory)
    if manifest is None:
        manifest = open_records(directory)
    if split not in manifest.splits:
        raise ValueError(
            f"`split` must be one of {sorted(manifest.splits)}. Received: "
            f"{split!r}"
        )
    files = [str(directory / shard.file) for shard in manifest.splits[split]]
    # Parsing in parallel or reading through larger buffers is slower.
    dataset = tf.data.TFRecordDataset(files).batch(batch_size)
    return dataset.map(manifest.schema.parse).prefetch(tf.data.AUTOTUNE)
