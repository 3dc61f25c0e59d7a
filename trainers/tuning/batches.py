"""Batches of texts of similar length, as a source of training steps."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from trainers.tuning.texts import Texts

# Texts of this many batches are sorted by length, so that hardly anything is
# padded, and the batches then shuffled.
_POOL = 32
_STEP = 16  # widths are multiples of it


class TokenSource:
    """Whole batches, in parts of equally many steps after which is saved.

    Passes over the texts follow one another; those that do not fill a batch
    are left out of a pass, others in each.

    Attributes:
        texts: The texts.
        batch_size: Texts per step; no more than there are texts.
        num_steps: Steps per part.
    """

    def __init__(
        self,
        texts: Texts,
        *,
        batch_size: int,
        num_steps: int,
        seed: int,
        pad_id: int,
    ) -> None:
        """Takes the texts.

        Args:
            texts: The texts.
            batch_size: Texts per step.
            num_steps: Steps per part.
            seed: Seed of the order.
            pad_id: Token id of padding.
        """
        self.texts = texts
        self.batch_size = batch_size
        self.num_steps = num_steps
        self._pad_id = pad_id
        self._order = functools.lru_cache(2)(
            functools.partial(order, texts.lengths, batch_size, seed)
        )

    @property
    def num_examples(self) -> int:
        """Texts per part."""
        return self.num_steps * self.batch_size

    def dataset(self, first: int, last: int) -> tf.data.Dataset:
        """Token ids `(n, T)` and labels `(n,)` int32 of every step."""

        def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for step in range(first * self.num_steps, last * self.num_steps):
                yield self._batch(step)

        return tf.data.Dataset.from_generator(
            batches,
            output_signature=(
                tf.TensorSpec((self.batch_size, None), tf.int32),
                tf.TensorSpec((self.batch_size,), tf.int32),
            ),
        ).prefetch(tf.data.AUTOTUNE)

    @property
    def tensors(self) -> Any:
        """Nothing."""
        return ()

    def take(self, tensors: Any, element: Any) -> tuple[Any, Any]:
        """Returns the backbone's inputs and the labels of a batch."""
        ids, labels = element
        return inputs(ids, self._pad_id), labels

    def ids(self, epoch: int, step: int) -> list[str]:
        """Record ids of one step of a part, both counted from 0."""
        rows = self._rows(epoch * self.num_steps + step)
        return [self.texts.record_ids[row] for row in rows]

    def _rows(self, step: int) -> np.ndarray:
        steps_per_pass = len(self.texts) // self.batch_size
        return self._order(step // steps_per_pass)[step % steps_per_pass]

    def _batch(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self._rows(step)
        return cut(self.texts, rows, self._pad_id), self.texts.labels[rows]


def order(
    lengths: np.ndarray, batch_size: int, seed: int, number: int
) -> np.ndarray:
    """Draws the batches of a pass.

    Args:
        lengths: `(N,)` tokens per text.
        batch_size: Texts per batch, B.
        seed: Seed.
        number: Number of the pass, from 0.

    Returns:
        Rows `(N // B, B)`.
    """
    rng = np.random.default_rng([seed, number])
    rows = rng.permutation(len(lengths))
    pool = _POOL * batch_size
    rows = np.concatenate(
        [
            part[np.argsort(lengths[part], kind="stable")]
            for part in np.split(rows, range(pool, len(rows), pool))
        ]
    )
    whole = len(rows) // batch_size
    return rng.permutation(rows[: whole * batch_size].reshape(whole, -1))


def cut(texts: Texts, rows: np.ndarray, pad_id: int) -> np.ndarray:
    """Returns token ids `(n, T)` of rows, no wider than they need."""
    width = -(-int(texts.lengths[rows].max()) // _STEP) * _STEP
    ids = texts.ids[rows, :width]
    padding = ((0, 0), (0, width - ids.shape[1]))
    return np.pad(ids, padding, constant_values=pad_id)


def inputs(ids: tf.Tensor, pad_id: int) -> dict[str, tf.Tensor]:
    """Returns the inputs of a BERT for padded token ids `(n, T)`."""
    return {
        "token_ids": ids,
        "segment_ids": tf.zeros_like(ids),
        "padding_mask": tf.cast(ids != pad_id, tf.int32),
    }
