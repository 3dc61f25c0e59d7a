"""Multimodal records to what the model takes: decoded, resized, batched."""

import tensorflow as tf

from tfrecords import jpeg, paths, reader, schema

Batch = dict[str, tf.Tensor]


def decode(content: tf.Tensor, image_size: int) -> tf.Tensor:
    """Decodes an image, encoded bytes as a scalar, to `(S, S, 3)` float32.

    Values are in [0, 255]. Squeezed to a square, as in the paper (3.1);
    antialiased, so that a small image keeps what a large one shows. Empty
    bytes give zeros.
    """
    shape = (image_size, image_size, 3)

    def decoded() -> tf.Tensor:
        return tf.image.resize(jpeg.pixels(content), shape[:2], antialias=True)

    resized = tf.cond(
        tf.strings.length(content) > 0, decoded, lambda: tf.zeros(shape)
    )
    return tf.ensure_shape(resized, shape)


def presence(*modalities: tf.Tensor) -> tf.Tensor:
    """M times `(N,)` strings to `(N, M)` float32: 1 where one is not empty."""
    columns = [tf.strings.length(each) > 0 for each in modalities]
    return tf.cast(tf.stack(columns, axis=-1), tf.float32)


def read(
    directory: paths.Path,
    manifest: schema.Manifest,
    split: str,
    *,
    image_size: int | None,
    batch_size: int,
    shuffle_seed: int | None = None,
) -> tf.data.Dataset:
    """Streams a split as batches of the model's inputs.

    Args:
        directory: The records.
        manifest: Their manifest.
        split: Name of the split.
        image_size: S; `None` leaves the images out.
        batch_size: Examples per batch; the last may be smaller.
        shuffle_seed: Draws the order of files and, within a window, of
            records; `None` keeps the records' order.

    Returns:
        Batches with `text_vectors` `(n, F, D)` of F texts, `present` `(n, 1 +
        F)`, `label` `(n,)` int64, `id` `(n,)` string and, if asked for, `image`
        `(n, S, S, 3)` float32. The same arguments give the same batches.
    """
    dataset = reader.read_serialized(
        directory,
        split,
        manifest,
        shuffle_seed=shuffle_seed,
        buffer_size=8 << 20,
    )

    def parse(serialized: tf.Tensor) -> Batch:
        row = manifest.schema.parse_one(serialized)
        texts = [row[name] for name in manifest.schema.text_fields]
        present = presence(row["image"], *texts)
        values = {
            "text_vectors": row["text_vectors"],
            "present": present,
            "label": row["label"],
            "id": row["id"],
        }
        if image_size is not None:
            values["image"] = decode(row["image"], image_size)
        return values

    dataset = dataset.map(parse, num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.batch(batch_size).prefetch(tf.data.AUTOTUNE)
