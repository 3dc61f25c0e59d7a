"""What happens around the steps of a training, as Keras callbacks."""

import json
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
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
from trainers.training.sources import Source
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


class Epochs(keras.callbacks.Callback):
    """Starts every epoch: its figures at zero, its dropout seeded."""

    def __init__(self, steps: Steps, half: keras.Model, seed: int) -> None:
        """Takes the steps, the part that trains, and the seed."""
        super().__init__()
        self._half = half
        self._steps = steps
        self._seed = seed

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Resets the figures; seeds every dropout by the epoch."""
        self._steps.start_epoch()
        seed_dropout(self._half, self._seed, epoch)


class FiniteLoss(keras.callbacks.Callback):
    """Stops a training whose loss, or weights, are not finite.

    Before anything of that epoch is saved: the last checkpoint is good.
    """

    def __init__(
        self,
        steps: Steps,
        source: Source,
        *,
        rates: str,
        penalties: str,
        precision: str = "float32",
    ) -> None:
        """Takes what it watches, and flags for the likely cause.

        Args:
            steps: The steps.
            source: Where their examples come from.
            rates: Flags of the learning rates.
            penalties: Flags of the penalties on weights.
            precision: Policy of the layers that train.
        """
        super().__init__()
        self._steps = steps
        self._source = source
        self._rates = rates
        self._penalties = penalties
        self._precision = precision
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Notes the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Checks every step of the execution.

        Raises:
            FloatingPointError: If the loss of one is not finite.
        """
        losses, entropies = self._steps.figures[:, :2].T
        (spoiled,) = np.nonzero(~np.isfinite(losses))
        if not len(spoiled):
            return
        first = int(spoiled[0])
        step = self._steps.done - len(losses) + first
        ids = self._source.ids(self._epoch, step)
        raise FloatingPointError(
            f"The loss is {losses[first]} in epoch {self._epoch + 1}, "
            f"step {step + 1}, on the examples {ids[:8]}... "
            + self._cause(
                is_first=self._epoch == step == 0,
                is_penalty=bool(np.isfinite(entropies[first])),
            )
        )

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Checks what the last step of the epoch, after its loss, has left.

        Raises:
            FloatingPointError: If a weight is not finite.
        """
        for variable in self.model.variables:
            if not np.isfinite(np.array(variable)).all():
                raise FloatingPointError(
                    f"{variable.path} is not finite after the last step of "
                    f"epoch {epoch + 1}. "
                    + self._cause(is_first=False, is_penalty=False)
                )

    def _cause(self, *, is_first: bool, is_penalty: bool) -> str:
        """What is likely to have spoiled the numbers, and what happens next."""
        if is_penalty:
            cause = (
                f"Only the penalty on the weights overflows: lower "
                f"{self._penalties} or {self._rates}."
            )
        elif is_first:
            cause = (
                "No step was taken before it, so the records or the file of "
                "weights hold such numbers: check the records with python -m "
                "tfrecords.verify."
            )
        else:
            cause = (
                f"The likely cause is the learning rate: lower {self._rates}."
            )
        if self._precision != "float32":
            cause += f" {self._precision} has few digits: try float32."
        return (
            f"{cause} The last good epoch is kept; with other settings it is "
            "another run, which starts from its first epoch."
        )


class Within(keras.callbacks.Callback):
    """Calls a function after every so many steps of an epoch."""

    def __init__(
        self, steps: Steps, every: int, function: Callable[[], None]
    ) -> None:
        """Takes the steps, their number between calls, and the function."""
        super().__init__()
        self._steps = steps
        self._every = every
        self._function = function

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Calls the function if this execution ends at a multiple."""
        if self._steps.done % self._every == 0:
            self._function()


class Validation(keras.callbacks.Callback):
    """Adds our figures of validation to the logs of an epoch."""

    def __init__(self, validate: Callable[[], Mapping[str, Any]]) -> None:
        """Takes a function that returns `loss`, `accuracy` and more."""
        super().__init__()
        self._validate = validate

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Adds `val_loss`, `val_accuracy` and every other number."""
        figures = self._validate()
        assert logs is not None
        # The callbacks that follow read these logs.
        logs |= {
            f"val_{name}": value
            for name, value in figures.items()
            if isinstance(value, int | float)
        }


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
