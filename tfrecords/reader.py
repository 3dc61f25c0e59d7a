"""Record directory to tf.data.Dataset; needs neither BERT nor scikit-learn."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tfrecords import manifest_files, paths, schema, shard_checks, shard_lists
from tfrecords.settings import fingerprint as fingerprint_of

# Records in the shuffle buffer of a shuffled reading.
SHUFFLED = 4096
# Shards that a shuffled reading reads in turn.
READERS = 4


def open_records(
    directory: paths.Path | str,
    *,
    kind: str | None = None,
    fingerprint: str | None = None,
) -> schema.Manifest:
    """Reads a manifest and checks the directory against it.

    Checks that the manifest is the one that was written, that every shard
    exists and, on a disk and up to `shard_lists.LIMIT` shards, that it has its
    size. `read_records` checks the contents of the shards that it reads.

    Args:
        directory: `<...>/<kind>/<config>/<version>`, on a disk or in a store
            that tf.io.gfile knows.
        kind: Expected kind: `cls`, `image` or `multimodal`.
        fingerprint: Expected fingerprint.

    Raises:
        FileNotFoundError: If there is no manifest, or a shard is missing.
        ValueError: If the manifest is damaged, or kind, fingerprint or the
            size of a shard is wrong.
    """
    directory = paths.open_path(directory)
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
    for fault in manifest_faults(directory, manifest):
        raise ValueError(
            f"{directory}: {fault}. Delete the directory and build the "
            "records again."
        )
    _check_shards(directory, manifest)
    return manifest


def manifest_faults(
    directory: paths.Path, manifest: schema.Manifest
) -> list[str]:
    """Lists what is wrong with a manifest that can be read.

    Each begins with the name of the file.
    """
    faults = []
    if manifest_files.is_changed(directory):
        faults.append(
            f"{schema.MANIFEST}: changed since it was written; its sha256 is "
            f"not the one in {manifest_files.CHECKSUM}"
        )
    if fingerprint_of(manifest.provenance) != manifest.fingerprint:
        faults.append(
            f"{schema.MANIFEST}: the fingerprint does not match the "
            "provenance: it was edited"
        )
    faults += [
        f"{schema.MANIFEST}: the split {split} is empty"
        for split, shards in manifest.splits.items()
        if not len(shards)
    ]
    if not manifest.splits:
        faults.append(f"{schema.MANIFEST}: there are no splits")
    for shards in manifest.splits.values():
        if isinstance(shards, schema.ShardList) and not shards.is_whole():
            faults.append(
                f"{shards.path.name}: missing, or not {len(shards)} lines of "
                f"{shard_lists.WIDTH} bytes"
            )
    return faults


def read_records(
    directory: paths.Path | str,
    split: str,
    *,
    batch_size: int = 256,
    manifest: schema.Manifest | None = None,
    shuffle_seed: int | None = None,
    num_readers: int = READERS,
    rows: range | None = None,
) -> tf.data.Dataset:
    """Streams a split in its fixed order, or shuffled for training.

    Each shard is compared with its sha256 before it is read, once per process
    as long as it does not change.

    Args:
        directory: `<...>/<kind>/<config>/<version>`.
        split: `train`, `validation` or, if there is one, `test`.
        batch_size: Records per batch; the last batch may be smaller.
        manifest: The manifest that `open_records` returned, if it was called.
        shuffle_seed: Draws the order of the shards and, within a window of
            `SHUFFLED` records, of the records; `None` keeps the order. A
            second iteration has another order; for one that can be drawn
            again, take a seed per epoch.
        num_readers: Shards that are read in turn, if there is a seed.
        rows: Numbers of the records that are read, from 0, one after the
            other, without a seed; by default all.

    Returns:
        Batches, each a dictionary of `id` `(n,)` string, `label` `(n,)` int64,
        `stack` `(n, L, D)`, `image` `(n, H, W, C)` or `text_vectors`
        `(n, F, D)` float32 of F texts, and the features in `Schema.strings`,
        `(n,)` string: the `image` of multimodal records is JPEG bytes. The
        same arguments give the same batches.

    Raises:
        ValueError: If there is no such split, or a shard is damaged or of
            another set.
    """
    directory = paths.open_path(directory)
    if manifest is None:
        manifest = open_records(directory)
    skipped = None
    if rows is not None and split in manifest.splits:
        shards, skipped = _shards_of(manifest.splits[split], rows)
        manifest = dataclasses.replace(manifest, splits={split: shards})
    dataset = read_serialized(
        directory,
        split,
        manifest,
        shuffle_seed=shuffle_seed,
        num_readers=num_readers,
    )
    if skipped is not None:
        dataset = dataset.skip(skipped).take(len(rows or ()))
    dataset = dataset.batch(batch_size)
    # Parsing in parallel is slower.
    return dataset.map(manifest.schema.parse).prefetch(tf.data.AUTOTUNE)


def read_serialized(
    directory: paths.Path,
    split: str,
    manifest: schema.Manifest,
    *,
    shuffle_seed: int | None = None,
    num_readers: int = READERS,
    buffer_size: int | None = None,
) -> tf.data.Dataset:
    """Streams the serialized records of a split; see `read_records`.

    Args:
        directory: `<...>/<kind>/<config>/<version>`.
        split: Name of the split.
        manifest: What `open_records` returned.
        shuffle_seed: Draws the order; `None` keeps it.
        num_readers: Shards that are read in turn, if there is a seed.
        buffer_size: Bytes that are read at a time; `None` leaves it to
            TensorFlow, which is best for small records.

    Returns:
        Scalar strings.

    Raises:
        ValueError: As `read_records`.
    """
    if split not in manifest.splits:
        raise ValueError(
            f"`split` must be one of {sorted(manifest.splits)}. Received: "
            f"{split!r}"
        )
    shards = manifest.splits[split]
    if paths.is_remote(directory) or isinstance(shards, schema.ShardList):
        # Each is checked when its turn comes, while the one before is read.
        dataset = tf.data.Dataset.range(len(shards))
        files = None
    else:
        files = shard_checks.check_all(directory, shards)
        if shuffle_seed is None:
            return tf.data.TFRecordDataset(files, buffer_size=buffer_size)
        dataset = tf.data.Dataset.from_tensor_slices(files)
    if shuffle_seed is not None:
        dataset = dataset.shuffle(len(shards), seed=shuffle_seed)
    if files is None:
        dataset = dataset.map(_checker(directory, shards)).prefetch(1)
    dataset = dataset.interleave(
        lambda file: tf.data.TFRecordDataset(file, buffer_size=buffer_size),
        cycle_length=1 if shuffle_seed is None else num_readers,
    )
    if shuffle_seed is not None:
        dataset = dataset.shuffle(SHUFFLED, seed=shuffle_seed)
    return dataset


def read_shard(
    directory: paths.Path, shard: schema.Shard
) -> tf.data.TFRecordDataset:
    """Streams the serialized records of one shard.

    Raises:
        ValueError: If it is damaged or of another set.
    """
    return tf.data.TFRecordDataset([shard_checks.check(directory, shard)])


def _checker(
    directory: paths.Path, shards: Sequence[schema.Shard]
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns what turns the index of a shard into the path of a sound file."""

    def check(index: np.ndarray) -> bytes:
        return shard_checks.check(directory, shards[int(index)]).encode()

    def call(index: tf.Tensor) -> tf.Tensor:
        path = tf.numpy_function(check, [index], tf.string)
        return tf.ensure_shape(path, ())

    return call


def _check_shards(directory: paths.Path, manifest: schema.Manifest) -> None:
    """Looks whether all shards are there, and how long they are.

    A million are looked up in one listing: to ask for each would take minutes,
    in a store hours. Their sizes are compared when they are read.
    """
    is_large = manifest.num_shards > shard_lists.LIMIT
    if is_large or paths.is_remote(directory):
        names = {path.name for path in directory.iterdir()}
        for shards in manifest.splits.values():
            for name in shard_lists.file_names(shards):
                if name not in names:
                    raise FileNotFoundError(
                        shard_checks.missing(directory / name)
                    )
        return
    for shards in manifest.splits.values():
        for shard in shards:
            path = directory / shard.file
            if not path.is_file():
                raise FileNotFoundError(shard_checks.missing(path))
            if (size := path.stat().st_size) != shard.num_bytes:
                raise ValueError(shard_checks.wrong_size(path, shard, size))


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
