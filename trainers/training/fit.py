"""The loop that all trainers share: `keras.Model.fit` with our callbacks."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
from absl import logging

from trainers.training import callbacks, steps
from trainers.training.sources import Source


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long and how a model is trained.

    Attributes:
        epochs: Passes over the examples.
        seed: Seed of dropout.
        rates: Flags of the learning rates, for errors.
        unit: What an example is called in the progress bar.
        every: Steps between two calls of `within`; 0 for none.
        within: Function called within an epoch.
        precision: Policy of the layers that train, within the steps.
        jit_compile: Whether XLA compiles the steps.
    """

    epochs: int
    seed: int
    rates: str
    unit: str
    every: int = 0
    within: Callable[[], None] = lambda: None
    precision: str = "float32"
    jit_compile: bool = False


def fit(
    model: keras.Model,
    source: Source,
    schedule: Schedule,
    *,
    workdir: pathlib.Path,
    saved: dict[str, keras.Variable],
    validate: Callable[[], Mapping[str, Any]],
    half: keras.Model | None = None,
    start: Callable[[], None] = lambda: None,
    counts: Mapping[str, list[int]] | None = None,
    user_callbacks: Iterable[keras.callbacks.Callback] = (),
) -> list[dict[str, float]]:
    """Trains the epochs that an earlier try left, and saves after each.

    Args:
        model: A model compiled by `loop.compile_classifier`.
        source: Where its examples come from.
        schedule: How it is trained.
        workdir: Directory of the run; gets checkpoint, history and TensorBoard
            logs after every epoch.
        saved: Name to variable, all that a resumed run needs.
        validate: Called after every epoch; returns `loss`, `accuracy` and what
            else callbacks may watch as `val_...`.
        half: The part of the model that trains, if not all of it.
        start: Called before the first epoch, but not in a resumed run.
        counts: Lists saved and restored with the history.
        user_callbacks: Called after the validation and before the checkpoint
            of an epoch.

    Returns:
        The figures of all epochs.

    Raises:
        FloatingPointError: If the loss is not finite.
    """
    checkpoint = callbacks.Checkpoint(workdir, saved, counts or {})
    if checkpoint.resume():
        logging.info(
            "training: resuming after epoch %d", len(checkpoint.history)
        )
    else:
        start()
    first = len(checkpoint.history)
    if first >= schedule.epochs or checkpoint.has_stopped:
        return checkpoint.history
    train = steps.Steps(
        model,
        source,
        half=half or model,
        precision=schedule.precision,
        jit_compile=schedule.jit_compile,
    )
    rate = steps.steps_per_second(
        train.run, source, [*model.variables, *model.optimizer.variables]
    )
    train.set_sizes(
        steps.plan(
            source.num_steps, steps.steps_per_execution(rate), schedule.every
        )
    )
    # `fit` calls this one instead of making its own.
    model.train_function = train
    progress = callbacks.Progress(train, source.num_examples, schedule.unit)
    within = [callbacks.Within(train, schedule.every, schedule.within)]
    try:
        model.fit(
            source.dataset(first, schedule.epochs),
            initial_epoch=first,
            epochs=schedule.epochs,
            steps_per_epoch=len(train.sizes),
            shuffle=False,
            verbose=0,
            callbacks=[
                callbacks.Epochs(train, half or model, schedule.seed),
                progress,
                callbacks.FiniteLoss(train, source, schedule.rates),
                *(within if schedule.every else ()),
                callbacks.Validation(validate),
                *user_callbacks,
                checkpoint,
            ],
        )
    finally:
        progress.close()
        # It holds the examples, which may be large.
        model.train_function = None
    return checkpoint.history
