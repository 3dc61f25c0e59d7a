"""One epoch of training, for networks on images and on several modalities."""

import math
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tqdm

# Inputs, labels `(n,)` and record ids of n examples.
Batch = tuple[Any, np.ndarray, list[str]]


def make_deterministic() -> None:
    """Makes the same command give the same bytes, on a CPU at least."""
    if keras.config.backend() == "tensorflow":
        tf.config.experimental.enable_op_determinism()


def seed_dropout(model: keras.Model, seed: int, epoch: int) -> None:
    """Sets the generator of every dropout from seed, layer and epoch.

    So a resumed run draws what an uninterrupted one draws.
    """
    for layer in model.layers:
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            generator.state.assign(
                np.array([1000 * seed + layer.seed, epoch], dtype="uint32")
            )


def compile_classifier(
    trained: keras.Model, optimizer: keras.optimizers.Optimizer
) -> None:
    """Compiles a model that returns logits `(N, K)` for `train_epoch`.

    The cross-entropy is also a metric, without the penalty and reconstruction
    error that a model adds to its loss: that is comparable with the loss of a
    validation.
    """
    trained.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[
            keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
            keras.metrics.SparseCategoricalCrossentropy(
                from_logits=True, name="cross_entropy"
            ),
        ],
    )
    trained.optimizer.build(trained.trainable_variables)


def train_epoch(
    trained: keras.Model,
    batches: Iterable[Batch],
    progress: tqdm.tqdm,
    epoch: int,
    *,
    rates: str,
) -> dict[str, float]:
    """Takes one training step per batch.

    Args:
        trained: A model compiled by `compile_classifier`.
        batches: Batches of the epoch.
        progress: Progress bar that counts examples; closed at the end.
        epoch: Number of the epoch, from 0.
        rates: Flags of the learning rates, for the error.

    Returns:
        `epoch` (from 1), `train_loss` (mean cross-entropy) and
        `train_accuracy`, each example measured before its step.

    Raises:
        FloatingPointError: If the loss is not finite.
    """
    loss = hits = seen = 0.0
    with progress:
        for step, (values, labels, ids) in enumerate(batches, start=1):
            figures = trained.train_on_batch(values, labels, return_dict=True)
            if not math.isfinite(figures["loss"]):
                raise FloatingPointError(
                    f"The loss is {figures['loss']} in epoch {epoch + 1}, step "
                    f"{step}, on the records {ids[:8]}... The last good epoch "
                    f"is kept. Lower {rates}, or check the records with "
                    "python -m tfrecords.verify"
                )
            loss += figures["cross_entropy"] * len(labels)
            hits += figures["accuracy"] * len(labels)
            seen += len(labels)
            progress.update(len(labels))
            progress.set_postfix(loss=f"{loss / seen:.4f}", refresh=False)
    return {
        "epoch": epoch + 1,
        "train_loss": loss / seen,
        "train_accuracy": hits / seen,
    }
