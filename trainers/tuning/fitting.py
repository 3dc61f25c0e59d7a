"""The steps that fine-tune a BERT with its head."""

import pathlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
import keras_hub
import numpy as np
import tensorflow as tf
from absl import logging

from trainers.runs import checkpoints
from trainers.training import fit, loop
from trainers.training.metrics import evaluate
from trainers.tuning.batches import TokenSource, cut, inputs
from trainers.tuning.config import TuneConfig
from trainers.tuning.model import LayerwiseAdamW
from trainers.tuning.texts import Texts


def fit_model(
    model: keras.Model,
    frozen: keras_hub.models.BertBackbone,
    config: TuneConfig,
    texts: Texts,
    validation: Texts,
    *,
    pad_id: int,
    workdir: pathlib.Path,
    run: Mapping[str, Any],
    texts_per_part: int,
    counts: Mapping[str, list[int]] | None = None,
    after: Callable[[dict[str, Any]], None] = lambda figures: None,
    callbacks: Iterable[keras.callbacks.Callback] = (),
) -> tuple[list[dict[str, float]], int]:
    """Trains what `model.build_model` made, from where an earlier try ended.

    Args:
        model: Inputs of a BERT to logits `(N, K)`.
        frozen: The BERT that it was made from.
        config: How it is tuned.
        texts: The texts.
        validation: Texts on which it is evaluated after each part.
        pad_id: Token id of padding.
        workdir: Gets the checkpoint.
        run: What identifies the tuning in it.
        texts_per_part: Texts after whose steps it is saved.
        counts: Lists saved and restored with the history.
        after: Called with the figures of each evaluation.
        callbacks: Called around the steps, and at the end of each part.

    Returns:
        The figures of all parts, and the number of steps.
    """
    batch_size = min(config.tune_batch_size, len(texts))
    num_steps = config.tune_encoder * (len(texts) // batch_size)
    num_parts = -(-num_steps * batch_size // texts_per_part)
    part_steps = -(-num_steps // num_parts)
    loop.compile_classifier(
        model,
        LayerwiseAdamW(
            config.rate(frozen.hidden_dim),
            num_parts * part_steps,
            frozen.num_layers,
        ),
    )
    logging.info(
        "encoder: %d steps of %d texts of at most %d tokens, saved %d times",
        num_parts * part_steps,
        batch_size,
        int(texts.lengths.max()),
        num_parts,
    )
    logits = inference(model, pad_id)

    def validate() -> dict[str, Any]:
        values = predict(logits, validation, batch_size, pad_id)
        figures = evaluate(values, validation.labels)
        after(figures)
        return figures

    history = fit.fit(
        model,
        TokenSource(
            texts,
            batch_size=batch_size,
            num_steps=part_steps,
            seed=config.tune_seed,
            pad_id=pad_id,
        ),
        fit.Schedule(
            epochs=num_parts,
            seed=config.tune_seed,
            rates="--tune_lr",
            unit="text",
            part="tuning",
        ),
        workdir=workdir,
        saved=checkpoints.variables(model, model.optimizer),
        validate=validate,
        run=run,
        counts=counts,
        user_callbacks=callbacks,
    )
    return history, num_parts * part_steps


def inference(model: keras.Model, pad_id: int) -> Callable[..., tf.Tensor]:
    """Compiles `(N, T)` token ids to logits `(N, K)`."""

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
    def logits(ids: tf.Tensor) -> tf.Tensor:
        return model(inputs(ids, pad_id), training=False)

    return logits


def predict(
    logits: Callable[..., tf.Tensor],
    texts: Texts,
    batch_size: int,
    pad_id: int,
) -> np.ndarray:
    """Computes logits `(N, K)`, texts of similar length together.

    Args:
        logits: Token ids `(n, T)` to logits `(n, K)`.
        texts: N texts.
        batch_size: Texts at a time.
        pad_id: Token id of padding.
    """
    rows = np.argsort(texts.lengths, kind="stable")
    parts = np.split(rows, range(batch_size, len(rows), batch_size))
    values = [logits(cut(texts, part, pad_id)).numpy() for part in parts]
    return np.concatenate(values)[np.argsort(rows, kind="stable")]
