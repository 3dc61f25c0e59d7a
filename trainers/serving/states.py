"""From token ids to stacks, in the graph of a served model."""

import tensorflow as tf

from text2image.bert.encoder import Encoder
from text2image.bert.long_texts import ragged_windows
from trainers.serving.functions import each


def has_windows(encoder: Encoder) -> bool:
    """Whether a text may be read in several windows."""
    return encoder.long_texts.kind == "windows"


def stacks_of(encoder: Encoder, ids: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Computes stacks.

    Args:
        encoder: The encoder.
        ids: Token ids `(n, T)` int32; n is 1 if texts are read in windows.
        mask: 1 for a token and 0 for padding, `(n, T)` int32.

    Returns:
        `(n, L, D)` float32.
    """

    def run(ids: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        inputs = {
            "token_ids": ids,
            "segment_ids": tf.zeros_like(ids),
            "padding_mask": mask,
        }
        return encoder.model(inputs, training=False)

    if not has_windows(encoder):
        return run(ids, mask)
    windows = tuple(
        rows_of(encoder, ids[0], values[0]) for values in (ids, mask)
    )
    stacks = each(
        lambda ids, mask: run(*cut_padding(ids, mask)),
        windows,
        (None, *encoder.stack_shape),
    )
    return tf.reduce_mean(stacks, axis=0, keepdims=True)


def rows_of(encoder: Encoder, ids: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Cuts what belongs to the ids of one text into rows for the encoder.

    Args:
        encoder: The encoder.
        ids: Ids of the text, `(T,)` int32, without padding.
        values: `(T,)` int32: these ids, or what belongs to each.

    Returns:
        `(W, t)`: a row per window, padded with 0; of a text that is read in
        one piece, `(1, T)`.
    """
    if not has_windows(encoder):
        return values[tf.newaxis]
    return ragged_windows(ids, values, encoder.tokenizer.cls_id).to_tensor(0)


def cut_padding(ids: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Cuts the padding off the ids and mask `(1, T)` of a text."""
    position = tf.range(1, tf.shape(mask)[1] + 1)
    length = tf.reduce_max(tf.where(mask[0] != 0, position, 1))
    return ids[:, :length], mask[:, :length]


def is_frame(encoder: Encoder, ids: tf.Tensor) -> tf.Tensor:
    """Tells which ids `(T,)` of a text are `[CLS]` or `[SEP]`, bool."""
    position = tf.range(tf.size(ids))
    ends = (position == 0) | (position == tf.size(ids) - 1)
    if not has_windows(encoder):
        return ends
    starts = ids == encoder.tokenizer.cls_id
    return ends | starts | tf.concat([starts[1:], [True]], 0)
