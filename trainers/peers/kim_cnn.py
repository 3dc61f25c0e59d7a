"""A convolutional network over words.

Source: Kim 2014, arXiv 1408.5882, CNN-rand: words of 300 numbers that start at
random, 100 filters each of 3, 4 and 5 words, the maximum over time, dropout
0.5, kernel norms of at most 3, batches of 50. Here Adam takes the place of
Adadelta and a fixed number of epochs that of early stopping.
"""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from trainers.peers.clock import Clock
from trainers.peers.recorded_texts import RecordedTexts
from trainers.runs import checkpoints
from trainers.training import fit, loop
from trainers.training.metrics import evaluate
from trainers.tuning.batches import TokenSource
from trainers.tuning.fitting import predict
from trainers.tuning.texts import Texts

_PAD = 0  # TextVectorization's
_EPSILON = 1e-8
_NUM_WORDS = 20_000
_WIDTHS = (3, 4, 5)


@dataclasses.dataclass(frozen=True)
class Settings:
    """Hyper-parameters; the paper's where it states any.

    Attributes:
        word_dim: Numbers of a word.
        filters: Filters of each width.
        dropout: Rate before the logits.
        most_norm: Of the kernel of each class.
        batch_size: Texts per step.
        epochs: Passes over the texts.
        rate: Adam's.
    """

    word_dim: int = 300
    filters: int = 100
    dropout: float = 0.5
    most_norm: float = 3.0
    batch_size: int = 50
    epochs: int = 10
    rate: float = 1e-3


class _WordSource(TokenSource):
    """Batches of word numbers."""

    def take(self, tensors: Any, element: Any) -> tuple[Any, Any]:
        return element


def build_model(
    settings: Settings, num_words: int, num_classes: int
) -> keras.Model:
    """Builds the network: word numbers `(N, T)` int32 to logits `(N, K)`.

    What is padded counts as words of zeros, five at least, so that an answer
    does not depend on the length of other texts.
    """
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = keras.layers.Embedding(num_words, settings.word_dim, name="words")(ids)
    is_word = keras.ops.cast(ids != _PAD, "float32")
    x = x * keras.ops.expand_dims(is_word, -1)
    x = keras.layers.ZeroPadding1D((0, max(_WIDTHS)))(x)
    pooled = [
        keras.layers.GlobalMaxPooling1D()(
            keras.layers.Conv1D(
                settings.filters, width, activation="relu", name=f"conv{width}"
            )(x)
        )
        for width in _WIDTHS
    ]
    x = keras.layers.Concatenate()(pooled)
    x = keras.layers.Dropout(settings.dropout, seed=0)(x)
    logits = keras.layers.Dense(
        num_classes,
        kernel_constraint=keras.constraints.MaxNorm(settings.most_norm),
        name="logits",
    )(x)
    return keras.Model(ids, logits, name="kim_cnn")


def train(
    train_texts: RecordedTexts,
    validation: RecordedTexts,
    *,
    num_classes: int,
    encoder: Mapping[str, Any],
    workdir: pathlib.Path,
    run: Mapping[str, Any],
    seed: int,
    settings: Settings | None = None,
) -> tuple[np.ndarray, float, str]:
    """Trains the network, from where an earlier try ended.

    Args:
        train_texts: The train split.
        validation: The validation split; nothing is chosen by it.
        num_classes: K.
        encoder: What the records say of their encoder: as many words of a
            text are read as it reads tokens, of cleaned texts.
        workdir: Gets the checkpoint.
        run: What identifies the training in it.
        seed: Seed of weights, order and dropout.
        settings: Hyper-parameters.

    Returns:
        Logits of the validation texts `(N, K)`, seconds, and what it is.
    """
    settings = settings or Settings()
    clock = Clock()
    clean = encoder.get("clean", "none")
    vectorization = keras.layers.TextVectorization(
        _NUM_WORDS, output_sequence_length=encoder["max_tokens"]
    )
    vectorization.adapt(train_texts.cleaned(clean))
    texts, held = (
        _tokenized(part, vectorization, clean)
        for part in (train_texts, validation)
    )
    keras.utils.set_random_seed(seed)
    num_words = vectorization.vocabulary_size()
    model = build_model(settings, num_words, num_classes)
    loop.compile_classifier(
        model, keras.optimizers.Adam(settings.rate, epsilon=_EPSILON)
    )
    batch_size = min(settings.batch_size, len(texts))
    logits = tf.function(
        lambda ids: model(ids, training=False),
        input_signature=[tf.TensorSpec([None, None], tf.int32)],
    )

    def validate() -> dict[str, Any]:
        values = predict(logits, held, batch_size, _PAD)
        clock.tick()
        return evaluate(values, held.labels)

    fit.fit(
        model,
        _WordSource(
            texts,
            batch_size=batch_size,
            num_steps=len(texts) // batch_size,
            seed=seed,
            pad_id=_PAD,
        ),
        fit.Schedule(settings.epochs, seed, "its learning rate", "text"),
        workdir=workdir,
        saved=checkpoints.variables(model, model.optimizer),
        validate=validate,
        run=run,
        counts={"milliseconds": clock.milliseconds},
    )
    name = (
        f"Kim's convolutions over {num_words:,} words, {settings.epochs} epochs"
    )
    return predict(logits, held, batch_size, _PAD), clock.seconds, name


def _tokenized(
    part: RecordedTexts,
    vectorization: keras.layers.TextVectorization,
    clean: str,
) -> Texts:
    """Numbers of the first words of each text."""
    ids = vectorization(tf.constant(part.cleaned(clean))).numpy()
    ids = ids.astype(np.int32)
    lengths = np.maximum((ids != _PAD).sum(axis=1), 1)
    return Texts(ids, lengths, part.labels, part.ids)
