"""One pass over a train split, whatever its examples are."""

import math
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tqdm

Batch = tuple[Any, np.ndarray, list[str]]


def compile_classifier(
    trained: keras.Model, optimizer: keras.optimizers.Optimizer
) -> None:
    """Compiles a model of logits `(N, K)` for `train_epoch`.

    The cross-entropy without what the model adds to the loss (penalty,
    reconstruction) is what a validation's loss compares with.
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
    """Takes a training step on every batch.

    Args:
        trained: As `compile_classifier` leaves it.
        batches: Inputs, `(n,)` labels and record ids.
        progress: Bar that counts examples; closed at the end.
        epoch: Its number, from 0.
        rates: Flags of the learning rates, for the error.

    Returns:
        Number of the epoch (from 1), mean cross-entropy and accuracy over the
        examples as they were seen.

    Raises:
        FloatingPointError: If the loss is not finite.
    """
    loss = hits = seen = 0.0
    with progress:
        for step, (values, labels, ids) in enumerate(batches, start=1):
            found = trained.train_on_batch(values, labels, return_dict=True)
            if not math.isfinite(found["loss"]):
                raise FloatingPointError(
                    f"The loss is {found['loss']} in epoch {epoch + 1}, step "
                    f"{step}, on the records {ids[:8]}... The last good epoch "
                    f"is kept. Lower {rates}, or check the records with "
                    "python -m tfrecords.verify"
                )
            loss += found["cross_entropy"] * len(labels)
            hits += found["accuracy"] * len(labels)
            seen += len(labels)
            progress.update(len(labels))
            progress.set_postfix(loss=f"{loss / seen:.4f}", refresh=False)
    return {
        "epoch": epoch + 1,
        "train_loss": loss / seen,
        "train_accuracy": hits / seen,
    }
