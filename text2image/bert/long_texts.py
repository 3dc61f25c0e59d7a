"""What an encoder sees of a text that is longer than it takes.

`cut`: the start. `head_tail`: the start and the end, in the shares that Sun et
al. 2019, arXiv 1905.05583, section 5.3.1, found best: 128 and 382 of the 510
tokens between `[CLS]` and `[SEP]`. `windows`: everything, in as few windows as
possible, alike in length, whose vectors are averaged (their hierarchical
method, 5.3.2, by mean). The ids of such a text are those of its windows, one
after another, each from `[CLS]` to `[SEP]`.
"""

import dataclasses

import numpy as np
import tensorflow as tf

HEAD, ROOM = 128, 510
# Of one text, so that none fills the memory: 32,640 tokens of BERT.
MOST_WINDOWS = 64


@dataclasses.dataclass(frozen=True)
class LongTexts:
    """How long texts are read.

    Attributes:
        kind: One of `options.LONG_TEXTS`.
        max_tokens: Most tokens that the encoder sees at once, `[CLS]` and
            `[SEP]` included.
    """

    kind: str = "cut"
    max_tokens: int = 512

    @property
    def most(self) -> int:
        """Most tokens of a text that is read whole, counted as one window."""
        if self.kind != "windows":
            return self.max_tokens
        return MOST_WINDOWS * (self.max_tokens - 2) + 2

    @property
    def most_ids(self) -> int:
        """Most ids of a text."""
        if self.kind != "windows":
            return self.max_tokens
        return MOST_WINDOWS * self.max_tokens

    def gap(self, num_ids: int) -> int | None:
        """Returns where tokens may be missing inside a text.

        Args:
            num_ids: Ids of the text, `[CLS]` and `[SEP]` included.

        Returns:
            The number of tokens after `[CLS]` before the gap; `None` if the
            ids have none.
        """
        if self.kind != "head_tail" or num_ids < self.max_tokens:
            return None
        return (self.max_tokens - 2) * HEAD // ROOM

    def places(self, ids: np.ndarray) -> np.ndarray:
        """Returns where pieces are among the ids of a text.

        Args:
            ids: Ids `(T,)` without padding.

        Returns:
            Ascending positions of all but `[CLS]` and `[SEP]`.
        """
        if self.kind != "windows":
            return np.arange(1, len(ids) - 1)
        starts = ids == ids[0]
        return np.flatnonzero(~(starts | np.append(starts[1:], True)))


def head_and_tail(pieces: tf.RaggedTensor, room: tf.Tensor) -> tf.RaggedTensor:
    """The first and last pieces of each text, `room` at most in all."""
    head = tf.cast(room * HEAD // ROOM, tf.int64)
    room = tf.cast(room, tf.int64)
    lengths = tf.cast(pieces.row_lengths(), tf.int64)
    row = tf.cast(pieces.value_rowids(), tf.int64)
    position = tf.range(tf.size(pieces.values, tf.int64))
    position -= tf.gather(tf.cumsum(lengths, exclusive=True), row)
    is_tail = tf.gather(lengths, row) - position <= room - head
    return tf.RaggedTensor.from_row_lengths(
        tf.boolean_mask(pieces.values, (position < head) | is_tail),
        tf.minimum(lengths, room),
        validate=False,
    )


def in_windows(
    pieces: tf.RaggedTensor, room: tf.Tensor, cls_id: int, sep_id: int
) -> tf.RaggedTensor:
    """The ids of each text's windows, one window after another.

    Args:
        pieces: Ids of N texts, `(N, None)` int32.
        room: Most pieces per window.
        cls_id: Id before each window.
        sep_id: Id after it.

    Returns:
        `(N, None)` int32; window j of k has the pieces from n j // k on to
        n (j + 1) // k of n.
    """
    pieces = pieces[:, : MOST_WINDOWS * room]
    lengths = tf.cast(pieces.row_lengths(), tf.int64)
    room = tf.cast(room, tf.int64)
    counts = tf.maximum((lengths + room - 1) // room, 1)
    text = tf.repeat(tf.range(tf.size(counts)), counts)
    window = tf.range(tf.size(text, tf.int64))
    window -= tf.gather(tf.cumsum(counts, exclusive=True), text)
    length, count = (tf.gather(x, text) for x in (lengths, counts))
    sizes = length * (window + 1) // count - length * window // count
    windows = tf.RaggedTensor.from_row_lengths(
        pieces.values, sizes, validate=False
    )
    ends = tf.ones([tf.size(text), 1], tf.int32)
    framed = tf.concat([cls_id * ends, windows, sep_id * ends], axis=1)
    return tf.RaggedTensor.from_row_lengths(
        framed.values, lengths + 2 * counts, validate=False
    )


def split_windows(
    ids: np.ndarray, cls_id: int, pad_id: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Takes the windows of texts apart.

    Args:
        ids: What `in_windows` made of N texts, padded, `(N, T)` int32.
        cls_id: Id at the start of each window.
        pad_id: Id of padding.

    Returns:
        The windows, padded, `(W, t)` int32; the ids of each, `(W,)`; and the
        text of each, `(W,)`, ascending.
    """
    texts, starts = np.nonzero(ids == cls_id)
    ends = (ids != pad_id).sum(axis=1)[texts]
    is_followed = texts[1:] == texts[:-1]
    ends[:-1][is_followed] = starts[1:][is_followed]
    sizes = (ends - starts).astype(np.int32)
    column = np.arange(sizes.max(initial=0))
    taken = np.minimum(starts[:, None] + column, ids.shape[1] - 1)
    windows = np.where(
        column < sizes[:, None], ids[texts[:, None], taken], pad_id
    )
    return windows.astype(np.int32), sizes, texts


def ragged_windows(
    ids: tf.Tensor, values: tf.Tensor, cls_id: int
) -> tf.RaggedTensor:
    """Cuts what belongs to the ids of one text at its windows.

    Args:
        ids: What `in_windows` made of the text, `(T,)` int32.
        values: `(T,)`: these ids, or what belongs to each.
        cls_id: Id at the start of each window.

    Returns:
        `(W, None)`.
    """
    later = tf.where(ids[1:] == cls_id)[:, 0] + 1
    return tf.RaggedTensor.from_row_starts(
        values, tf.concat([[0], later], 0), validate=False
    )
