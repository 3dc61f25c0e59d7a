"""Texts normalised as the tokenizers library does, inside the graph.

Texts are code points and the row of each, so that every step is a look-up or a
filter over all texts at once.
"""

import functools

import numpy as np
import tensorflow as tf

from text2image.bert import characters, wordpiece
from text2image.bert.code_tables import CodeTable, begins, owners, unique_rows

# Marks an entry of `_Replacement`'s table that is no difference of two code
# points but a row of images; more than any difference.
_ROW = 1 << 24
_ITSELF = -1


class Normalizer:
    """A normaliser of any steps.

    A character's image does not depend on its neighbours, but for the order of
    combining marks after NFD. Where marks remain that may be out of order,
    which is rare after accents are stripped, the steps run one by one.
    """

    def __init__(self, steps: tuple[str, ...]) -> None:
        """Builds the tables.

        Args:
            steps: See `wordpiece`.
        """
        self._all_at_once = _replacement(steps)
        self._parts = [_replacement(part) for part in _parts(steps)]
        self._unordered = _leave_marks(steps) if len(self._parts) > 1 else None

    def __call__(
        self, codes: tf.Tensor, rows: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Normalises texts.

        Args:
            codes: `(C,)` int32 code points; those above Unicode are kept.
            rows: `(C,)` index of the text of each, ascending.

        Returns:
            Code points and rows of the normalised texts.
        """
        if self._unordered is None:
            return self._all_at_once(codes, rows)
        return tf.cond(
            tf.reduce_any(self._unordered(codes) > 0),
            lambda: self._step_by_step(codes, rows),
            lambda: self._all_at_once(codes, rows),
        )

    def _step_by_step(
        self, codes: tf.Tensor, rows: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        for part in self._parts[:-1]:
            codes, rows = part(codes, rows)
            codes = self._order_marks(codes, rows)
        return self._parts[-1](codes, rows)

    def _order_marks(self, codes: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        """Sorts each run of marks by combining class, as NFD states."""
        combining = tf.cast(_combining()(codes), tf.int64)
        run = tf.cumsum(tf.cast((combining == 0) | begins(rows), tf.int64))
        return tf.gather(codes, tf.argsort(run * 256 + combining, stable=True))


class _Replacement:
    """Every character by its image."""

    def __init__(self, images: characters.Images) -> None:
        lengths = np.diff(images.splits)
        codes = np.arange(characters.DOMAIN)
        single = lengths == 1
        entries = np.zeros(characters.DOMAIN, np.int64)
        entries[single] = images.values[images.splits[:-1][single]]
        entries[single] -= codes[single]
        others = codes[~single]
        # One row per distinct image, in which the character itself is marked:
        # that of all Chinese characters is the same.
        width = max(1, int(lengths.max()))
        within = np.arange(width)
        used = within < lengths[others, None]
        places = np.minimum(
            images.splits[others, None] + within, len(images.values) - 1
        )
        table = np.where(used, images.values[places], 0)
        table[used & (table == others[:, None])] = _ITSELF
        packed = np.concatenate([lengths[others, None], table], axis=1)
        unique, index = unique_rows(packed)
        entries[others] = _ROW + index
        self._entries = CodeTable(entries)
        self._lengths = unique[:, 0].astype(np.int32)
        self._width = width
        self._values = unique[:, 1:].ravel().astype(np.int32)

    def __call__(
        self, codes: tf.Tensor, rows: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        if not len(self._lengths):
            return codes + self._entries(codes), rows
        entries = self._entries(codes)
        return tf.cond(
            tf.reduce_any(entries >= _ROW),
            lambda: self._replace(codes, rows, entries),
            lambda: (codes + entries, rows),
        )

    def _replace(
        self, codes: tf.Tensor, rows: tf.Tensor, entries: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        is_row = entries >= _ROW
        row = tf.where(is_row, entries - _ROW, 0)
        lengths = tf.where(is_row, tf.gather(self._lengths, row), 1)
        splits = tf.concat([[0], tf.cumsum(lengths)], 0)
        source = owners(splits, splits[-1])
        within = tf.range(tf.size(source)) - tf.gather(splits, source)
        itself = tf.gather(codes, source)
        image = tf.gather(
            self._values, tf.gather(row, source) * self._width + within
        )
        image = tf.where(image == _ITSELF, itself, image)
        image = tf.where(
            tf.gather(is_row, source),
            image,
            itself + tf.gather(entries, source),
        )
        return image, tf.gather(rows, source)


def _parts(steps: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Splits steps after each NFD."""
    parts: list[tuple[str, ...]] = [()]
    for step in steps:
        parts[-1] += (step,)
        if step == wordpiece.NFD:
            parts.append(())
    return parts


# Tables depend on the steps alone.


@functools.cache
def _combining() -> CodeTable:
    return CodeTable(characters.combining_classes())


@functools.cache
def _leave_marks(steps: tuple[str, ...]) -> CodeTable:
    """1 where a mark in a character's image outlives an NFD."""
    is_mark = characters.combining_classes() > 0
    found = np.zeros(characters.DOMAIN, bool)
    for position, step in enumerate(steps):
        if step == wordpiece.NFD:
            after = characters.images(steps[position + 1 :])
            outlives = is_mark & (np.diff(after.splits) > 0)
            here = characters.images(steps[: position + 1])
            total = np.concatenate([[0], np.cumsum(outlives[here.values])])
            found |= np.diff(total[here.splits]) > 0
    return CodeTable(found)


@functools.cache
def _replacement(steps: tuple[str, ...]) -> _Replacement:
    return _Replacement(characters.images(steps))
