"""Texts to vectors after the records are made: in predictions, explanations."""

import math
import pathlib
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from text2image import allowed_ops
from text2image.bert.encoder import Encoder
from text2image.bert.sentence_encoder import SentenceEncoder
from text2image.bert.word_spans import find_words, split_words
from tfrecords.stages.text_vectors import SAVED_MODEL
from trainers.serving.functions import encode, load_encoder, locate_encoder

# Tokens of the masked copies of a text that are computed at once.
_TOKENS_AT_ONCE = 4096


class TextEncoder(Protocol):
    """The encoder that made a set of records.

    Attributes:
        size: D, numbers per text.
        resources: Its variables and tables.
    """

    size: int
    resources: list[Any]

    def vector(self, text: tf.Tensor) -> tf.Tensor:
        """`(1,)` string to its vector `(1, D)`, also within a graph."""

    def without_words(
        self, text: str
    ) -> tuple[list[tuple[int, int]], np.ndarray]:
        """Hides the words of a text one at a time.

        Returns:
            Start and end of each of n words, and vectors `(1 + n, D)`: of the
            whole text, then of the text with one word hidden.
        """


class BertTexts:
    """See `TextEncoder`; the tokens of a hidden word become `[MASK]`."""

    def __init__(self, encoder: Encoder) -> None:
        """Keeps the encoder."""
        self.size = math.prod(encoder.stack_shape)
        self.resources = [each.value for each in encoder.model.variables]
        self._encoder = encoder
        self._vectors = tf.function(
            self._vectors_of_ids, [tf.TensorSpec([None, None], tf.int32)]
        )

    def vector(self, text: tf.Tensor) -> tf.Tensor:
        """See `TextEncoder`."""
        max_tokens = tf.constant(self._encoder.max_tokens)
        ids, _ = self._encoder.tokenizer.ids(text, max_tokens)
        return self._vectors_of_ids(ids)

    def without_words(
        self, text: str
    ) -> tuple[list[tuple[int, int]], np.ndarray]:
        """See `TextEncoder`."""
        ids = self._ids([text])[0]
        spans = find_words(text, ids, self._ids)
        copies = np.tile(ids, (1 + len(spans), 1))  # the first stays whole
        for row, span in zip(copies[1:], spans, strict=True):
            row[span.first : span.stop] = self._encoder.tokenizer.mask_id
        step = max(_TOKENS_AT_ONCE // len(ids), 1)
        parts = [
            self._vectors(copies[first : first + step])
            for first in range(0, len(copies), step)
        ]
        return [(span.start, span.end) for span in spans], np.concatenate(parts)

    def _ids(self, texts: Sequence[str]) -> list[np.ndarray]:
        tokens = self._encoder.tokenize([encode(text) for text in texts])
        return [
            ids[:length]
            for ids, length in zip(tokens.ids, tokens.kept, strict=True)
        ]

    def _vectors_of_ids(self, ids: tf.Tensor) -> tf.Tensor:
        stacks = self._encoder.stacks_of_ids(ids)
        return tf.reshape(stacks, (-1, self.size))


class SentenceTexts:
    """See `TextEncoder`; a hidden word is left out: there is no `[MASK]`."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        """Keeps the encoder."""
        self.size = encoder.size
        self.resources = encoder.resources
        self._encoder = encoder

    def vector(self, text: tf.Tensor) -> tf.Tensor:
        """See `TextEncoder`."""
        return tf.ensure_shape(self._encoder.vectors(text), (1, self.size))

    def without_words(
        self, text: str
    ) -> tuple[list[tuple[int, int]], np.ndarray]:
        """See `TextEncoder`."""
        spans = split_words(text)
        copies = [text, *(text[:start] + text[end:] for start, end in spans)]
        return spans, self._encoder.encode(
            [each.encode("utf-8", "replace") for each in copies]
        )


def check_embeddable(source: str) -> None:
    """Refuses a SavedModel that cannot be part of an export.

    Raises:
        ValueError: If it reads tables from files, or has ops that not every
            server has.
    """
    path = pathlib.Path(source).expanduser()
    strays = sorted(set(allowed_ops.stray_ops(path, allowed_ops.STARTING_OPS)))
    if strays:
        raise ValueError(
            f"--encoder={source} cannot be part of an export. Received: "
            f"{strays} (function: op), which read files or are not in every "
            "server. Train with --export=false, and predict by the run "
            "(--workdir=RUN)."
        )


def load(recorded: dict[str, Any], source: str | None = None) -> TextEncoder:
    """Loads the encoder of a set of records; raises as `load_encoder`."""
    if recorded.get("kind") == SAVED_MODEL:
        return SentenceTexts(SentenceEncoder(locate_encoder(recorded, source)))
    return BertTexts(load_encoder(recorded, source))
