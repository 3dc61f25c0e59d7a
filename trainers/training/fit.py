"""The loop that all trainers share: `keras.Model.fit` with our callbacks."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
from absl import logging

from trainers.distribution.workers import SINGLE, Workers
from trainers.runs.workdir import write_history
from trainers.training import callbacks, steps
from trainers.training.finite_loss import FiniteLoss
from trainers.training.sources import Source


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long and how a model is trained.

    Attributes:
        epochs: Passes over the examples.
        seed: Seed of dropout.
        rates: Flags of the learning rates, for errors.
        unit: What an example is called in the progress bar.
        part: What an epoch is called there.
        every: Steps between two calls of `within`; 0 for none.
        within: Function called within an epoch.
        precision: Policy of the layers that train, within the steps.
        jit_compile: Whether XLA compiles the steps.
        class_weight: Weight of each class in the loss; all 1 if empty.
    """

    epochs: int
    seed: int
    rates: str
    unit: str
    part: str = "epoch"
    every: int = 0
    within: Callable[[], None] = lambda: None
    precision: str = "float32"
    jit_compile: bool = False
    class_weight: tuple[float, ...] = ()


def fit(
    model: keras.Model,
    source: Source,
    schedule: Schedule,
    *,
    workdir: pathlib.Path,
    saved: dict[str, keras.Variable],
    validate: Callable[[], Mapping[str, Any]],
    run: Mapping[str, Any] | None = None,
    half: keras.Model | None = None,
    start: Callable[[], None] = lambda: None,
    counts: Mapping[str, list[int]] | None = None,
    user_callbacks: Iterable[keras.callbacks.Callback] = (),
    workers: Workers = SINGLE,
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
        run: What identifies the run in its checkpoint.
        half: The part of the model that trains, if not all of it.
        start: Called before the first epoch, but not in a resumed run.
        counts: Lists saved and restored with the history.
        user_callbacks: Called after the validation and before the checkpoint
            of an epoch.
        workers: Replicas that share every step; the source is then of
            `parallel_steps.divide`. Only the chief writes.

    Returns:
        The figures of all epochs.

    Raises:
        FloatingPointError: If the loss is not finite.
    """
    checkpoint = callbacks.Checkpoint(
        workdir, saved, counts or {}, run or {}, workers
    )
    if checkpoint.resume():
        logging.info(
            "training: resuming after epoch %d", len(checkpoint.history)
        )
        if workers.is_chief and checkpoint.history:
            # It may be damaged, or of an epoch whose checkpoint was not saved.
            write_history(workdir, checkpoint.history)
    else:
        start()
    workers.copy_from_chief(saved.values())
    first = len(checkpoint.history)
    if first >= schedule.epochs or checkpoint.has_stopped:
        return checkpoint.history
    train = steps.Steps(
        model,
        source,
        half=half or model,
        precision=schedule.precision,
        jit_compile=schedule.jit_compile,
        class_weight=schedule.class_weight,
        workers=workers,
    )
    progress = callbacks.Progress(
        train, source.num_examples, schedule.unit, schedule.part
    )
    within = []
    if schedule.every:
        within = [callbacks.call_within(train, schedule.every, schedule.within)]
    try:
        run_epochs(
            model,
            source,
            train,
            range(first, schedule.epochs),
            [
                callbacks.start_epochs(train, half or model, schedule.seed),
                progress,
                FiniteLoss(
                    train,
                    source,
                    rates=schedule.rates,
                    penalties="--l2",
                    precision=schedule.precision,
                ),
                *within,
                callbacks.add_validation(validate),
                *user_callbacks,
                checkpoint,
            ],
            every=schedule.every,
            agree=workers.mean,
        )
    finally:
        progress.close()
    return checkpoint.history


def run_epochs(
    model: keras.Model,
    source: Source,
    train: steps.Steps,
    epochs: range,
    called: Iterable[keras.callbacks.Callback],
    *,
    every: int = 0,
    agree: Callable[[float], float] = float,
) -> None:
    """Takes the steps of some epochs by `keras.Model.fit`.

    Args:
        model: A compiled model.
        source: Where its examples come from.
        train: Its steps.
        epochs: Numbers of the epochs, from 0.
        called: Callbacks, in the order in which they are called.
        every: An execution also ends after every multiple of this number of
            steps; 0 for none.
        agree: As of `steps.steps_per_second`.
    """
    rate = steps.steps_per_second(
        train.run,
        source,
        [*model.variables, *model.optimizer.variables],
        agree,
    )
    most = steps.steps_per_execution(rate)
    train.set_sizes(steps.plan(source.num_steps, most, every))
    # `fit` calls this one instead of making its own.
    model.train_function = train
    try:
        model.fit(
            source.dataset(epochs.start, epochs.stop),
            initial_epoch=epochs.start,
            epochs=epochs.stop,
            steps_per_epoch=len(train.sizes),
            shuffle=False,
            verbose=0,
            callbacks=list(called),
        )
    finally:
        # It holds the examples, which may be large.
        model.train_function = None
