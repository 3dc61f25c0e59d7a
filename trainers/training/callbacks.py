"""What happens around the steps of a training, as Keras callbacks."""

import json
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tqdm

from trainers.distribution.workers import SINGLE, Workers
from trainers.runs import checkpoints
from trainers.runs.workdir import (
    CHECKPOINT_FILE,
    HISTORY,
    log_scalars,
    write_history,
)
from trainers.training.loop import seed_dropout
from trainers.training.steps import Steps

Logs = dict[str, Any]

CHECKPOINT_CURE = (
    "Delete it and run the same command again: that trains from the start."
)


class Progress(keras.callbacks.Callback):
    """A progress bar per epoch, with the rate and the mean cross-entropy."""

    def __init__(
        self, steps: Steps, num_examples: int, unit: str, part: str = "epoch"
    ) -> None:
        """Takes the steps, number and name of examples, name of an epoch."""
        super().__init__()
        self._steps = steps
        self._num_examples = num_examples
        self._unit = unit
        self._part = part
        self._bar: tqdm.tqdm | None = None

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Opens the bar."""
        self._bar = tqdm.tqdm(
            total=self._num_examples,
            unit=self._unit,
            desc=f"{self._part} {epoch + 1}/{self.params['epochs']}",
        )

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Moves the bar by the examples of an execution."""
        assert self._bar is not None
        loss = self._steps.means()["cross_entropy"]
        self._bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
        self._bar.update(self._steps.num_examples)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Closes the bar before anything is logged."""
        self.close()

    def close(self) -> None:
        """Closes the bar, if one is open."""
        if self._bar is not None:
            self._bar.close()


def start_epochs(
    steps: Steps, half: keras.Model, seed: int
) -> keras.callbacks.Callback:
    """Starts every epoch with figures at zero and every dropout seeded.

    Args:
        steps: The steps.
        half: The part that trains.
        seed: Seed of dropout, beside the number of the epoch.
    """

    def start(epoch: int, logs: Logs | None) -> None:
        steps.start_epoch()
        seed_dropout(half, seed, epoch)

    return keras.callbacks.LambdaCallback(on_epoch_begin=start)


def call_within(
    steps: Steps, every: int, function: Callable[[], None]
) -> keras.callbacks.Callback:
    """Calls a function after every multiple of a number of steps."""

    def call(batch: int, logs: Logs | None) -> None:
        if steps.done % every == 0:
            function()

    return keras.callbacks.LambdaCallback(on_train_batch_end=call)


def add_validation(
    validate: Callable[[], Mapping[str, Any]],
) -> keras.callbacks.Callback:
    """Adds `val_loss`, `val_accuracy` and the like to the logs of an epoch.

    Args:
        validate: Returns `loss`, `accuracy` and more; numbers alone are added.
    """

    def add(epoch: int, logs: Logs) -> None:
        # The callbacks that follow read these logs.
        logs |= {
            f"val_{name}": value
            for name, value in validate().items()
            if isinstance(value, int | float)
        }

    return keras.callbacks.LambdaCallback(on_epoch_end=add)


class Checkpoint(keras.callbacks.Callback):
    """Saves everything that a resumed training needs, after every epoch.

    Attributes:
        history: The figures of all epochs.
        has_stopped: Whether a callback ended the training before its last
            epoch.
    """

    def __init__(
        self,
        workdir: pathlib.Path,
        saved: dict[str, keras.Variable],
        counts: Mapping[str, list[int]],
        run: Mapping[str, Any],
        workers: Workers = SINGLE,
    ) -> None:
        """Takes what is saved.

        Args:
            workdir: Directory of the run; gets checkpoint, history and
                TensorBoard logs.
            saved: Name to variable.
            counts: Lists that are saved and restored with the history.
            run: What identifies the run.
            workers: Processes of the training; its chief reads and writes.
        """
        super().__init__()
        self._workers = workers
        self._workdir = workdir
        self._path = workdir / CHECKPOINT_FILE
        self._saved = saved
        self._counts = counts
        self._run = run
        self.history: list[dict[str, float]] = []
        self.has_stopped = False

    def resume(self) -> bool:
        """Sets everything as an earlier try left it; whether there is one."""
        progress: dict[str, Any] = {}
        if self._workers.is_chief and self._path.is_file():
            progress = checkpoints.load(
                self._path, self._saved, self._run, cure=CHECKPOINT_CURE
            )
        progress = json.loads(
            self._workers.text_from_chief(json.dumps(progress))
        )
        if not progress:
            return False
        self.history += progress["history"]
        self.has_stopped = progress.get("has_stopped", False)
        for name, values in self._counts.items():
            values += progress[name]
        return True

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Writes history, checkpoint and scalars."""
        assert logs is not None
        figures = {
            "epoch": epoch + 1,
            "train_loss": logs["cross_entropy"],
            "train_accuracy": logs["accuracy"],
            "loss": logs["val_loss"],
            "accuracy": logs["val_accuracy"],
        }
        self.history.append({name: figures[name] for name in HISTORY})
        self.has_stopped = self.model.stop_training
        if not self._workers.is_chief:
            return
        write_history(self._workdir, self.history)
        self._save()
        log_scalars(self._workdir, self.history[-1])

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Saves once more: another callback may have set weights at the end."""
        if self._workers.is_chief:
            self._save()

    def _save(self) -> None:
        progress: dict[str, Any] = {"history": self.history, **self._counts}
        if self.has_stopped:
            progress["has_stopped"] = True
        checkpoints.save(self._path, self._saved, progress, self._run)
