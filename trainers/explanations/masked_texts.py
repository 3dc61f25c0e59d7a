"""Margins of texts with some of their words masked."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from text2image.bert.cleaning import blank_out
from text2image.bert.encoder import Encoder
from text2image.bert.word_spans import WordSpan, find_words
from trainers.serving.explaining import encoder_inputs, margin_of
from trainers.serving.functions import encode

# Tokens of the masked copies of a text that are computed at once.
_TOKENS_AT_ONCE = 4096


class MaskedTexts:
    """A model that takes a text with words masked; keeps no text."""

    def __init__(
        self, encoder: Encoder, drawing: keras.Model, model: keras.Model
    ) -> None:
        """Divides the encoder after its embeddings.

        Args:
            encoder: Texts to stacks.
            drawing: Stacks to images.
            model: Images to logits `(N, K)`.

        Raises:
            ValueError: If the encoder reads texts in windows.
        """
        if encoder.long_texts.kind == "windows":
            raise ValueError(
                "--report measures explanations of texts that are read in one "
                "piece. Received: a run with --long_texts=windows. Leave "
                "--report out, or train with --long_texts=head_tail."
            )
        self._tokenizer = encoder
        self._drawing = drawing
        self._model = model
        bert = encoder.model
        embeddings = bert.get_layer("embeddings_dropout").output
        (mask,) = (x for x in bert.inputs if x.name == "padding_mask")
        self._embed = keras.Model(bert.input, embeddings)
        self._after = keras.Model([embeddings, mask], bert.output)
        ids = tf.TensorSpec([None, None], tf.int32)
        label = tf.TensorSpec([], tf.int32)
        self._margins = tf.function(self._margins_of_ids, [ids, label])
        self._products = tf.function(self._gradient_times_input, [ids, label])

    def words(self, text: str) -> tuple[np.ndarray, list[WordSpan]]:
        """Tokenises a text: its ids `(T,)` and its words."""
        (ids,) = self._ids([text])
        return ids, find_words(
            blank_out(text, self._tokenizer.clean),
            ids,
            self._ids,
            self._tokenizer.long_texts.gap(len(ids)),
        )

    def margins(
        self,
        ids: np.ndarray,
        words: Sequence[WordSpan],
        keep: np.ndarray,
        label: int,
    ) -> np.ndarray:
        """Computes the margins of copies of a text with words masked.

        Args:
            ids: Ids of the text, `(T,)`.
            words: Its words.
            keep: Words that each copy keeps, `(n, words)` bool.
            label: Number of the class.

        Returns:
            `(n,)` float32.
        """
        copies = np.tile(ids, (len(keep), 1))
        for column, word in enumerate(words):
            copies[~keep[:, column], word.first : word.stop] = (
                self._tokenizer.tokenizer.mask_id
            )
        rows = max(_TOKENS_AT_ONCE // len(ids), 1)
        return np.concatenate(
            [
                self._margins(copies[first : first + rows], label).numpy()
                for first in range(0, len(copies), rows)
            ]
        )

    def gradient_times_input(
        self, ids: np.ndarray, words: Sequence[WordSpan], label: int
    ) -> np.ndarray:
        """Computes a cheap explanation to compare with, `(words,)`.

        The gradient of the margin at the token embeddings times these. Source:
        Shrikumar et al. 2016, arXiv 1605.01713.
        """
        products = self._products(ids[np.newaxis], label).numpy()
        return np.array(
            [products[word.first : word.stop].sum() for word in words]
        )

    def _ids(self, texts: Sequence[str]) -> list[np.ndarray]:
        tokens = self._tokenizer.tokenize([encode(text) for text in texts])
        return [
            ids[:length]
            for ids, length in zip(tokens.ids, tokens.kept, strict=True)
        ]

    def _margins_of_ids(self, ids: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
        return self._margins_of_states(
            self._embed(encoder_inputs(ids), training=False), label
        )

    def _margins_of_states(
        self, states: tf.Tensor, label: tf.Tensor
    ) -> tf.Tensor:
        mask = tf.ones(tf.shape(states)[:2], tf.int32)
        stacks = self._after([states, mask], training=False)
        images = self._drawing(stacks, training=False)
        return margin_of(self._model(images, training=False), label)

    def _gradient_times_input(
        self, ids: tf.Tensor, label: tf.Tensor
    ) -> tf.Tensor:
        states = self._embed(encoder_inputs(ids), training=False)
        with tf.GradientTape() as tape:
            tape.watch(states)
            margins = self._margins_of_states(states, label)
        gradients = tape.gradient(margins, states)
        return tf.reduce_sum(gradients * states, axis=(0, 2))
