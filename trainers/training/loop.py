"""The epochs of a training, for images and for several modalities."""

import math
import pathlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tqdm
from absl import logging

from text2image import devices
from trainers.runs import checkpoints
from trainers.runs.workdir import (
    CHECKPOINT_FILE,
    HISTORY,
    log_scalars,
    write_history,
)

# Inputs, labels `(n,)` and record ids of n examples.
Batch = tuple[Any, np.ndarray, list[str]]


def make_deterministic() -> None:
    """Makes the same command give the same bytes on a CPU.

    On a GPU, where it costs speed, `--deterministic` does.
    """
    if keras.config.backend() == "tensorflow" and not devices.has_gpu():
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
    trained: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    *,
    with_metrics: bool = False,
) -> None:
    """Compiles a model that returns logits `(N, K)`.

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
        ]
        if with_metrics
        else None,
    )
    trained.optimizer.build(trained.trainable_variables)


def train_epochs(
    workdir: pathlib.Path,
    saved: dict[str, keras.Variable],
    num_epochs: int,
    train_epoch: Callable[[int], Mapping[str, float]],
    *,
    start: Callable[[], None] = lambda: None,
    **counts: list[int],
) -> list[dict[str, float]]:
    """Trains the epochs that an earlier try left, and saves after each.

    Args:
        workdir: Directory of the run; gets checkpoint, history and TensorBoard
            logs after every epoch.
        saved: Name to variable, all that a resumed run needs.
        num_epochs: Number of epochs in all.
        train_epoch: Trains and validates one epoch, given its number from 0;
            returns the figures of `HISTORY`, and may return more.
        start: Called before the first epoch, but not in a resumed run.
        **counts: Lists that `train_epoch` appends to, saved and restored with
            the history.

    Returns:
        The figures of all epochs.
    """
    checkpoint = workdir / CHECKPOINT_FILE
    history: list[dict[str, float]] = []
    if checkpoint.is_file():
        progress = checkpoints.load(checkpoint, saved)
        history += progress["history"]
        for name, values in counts.items():
            values += progress[name]
        logging.info("training: resuming after epoch %d", len(history))
    else:
        start()
    for epoch in range(len(history), num_epochs):
        figures = train_epoch(epoch)
        history.append({name: figures[name] for name in HISTORY})
        write_history(workdir, history)
        checkpoints.save(checkpoint, saved, {"history": history, **counts})
        log_scalars(workdir, history[-1])
    return history


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
