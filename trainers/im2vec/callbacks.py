"""What happens between the many short epochs of Im2Vec."""

import pathlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tqdm

from trainers.runs import checkpoints
from trainers.training.callbacks import CHECKPOINT_CURE

_CHECKPOINT_SECONDS = 5.0  # most work that a kill may cost
_NUM_EVALUATIONS = 50  # points of the test curve

Logs = dict[str, Any]


class EpochProgress(keras.callbacks.Callback):
    """One progress bar for all epochs, with the rate and the loss."""

    def __init__(self, bar: tqdm.tqdm) -> None:
        """Takes the bar."""
        super().__init__()
        self._bar = bar

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Moves the bar by an epoch."""
        assert logs is not None
        self._bar.set_postfix(
            loss=f"{logs['cross_entropy']:.4f}", refresh=False
        )
        self._bar.update()


class History(keras.callbacks.Callback):
    """Measures the epochs, some of them on the test split, and saves them.

    Attributes:
        rows: One entry per epoch, see `train.Trained.history`.
        has_stopped: Whether a callback ended the training before its last
            epoch.
    """

    def __init__(
        self,
        path: pathlib.Path,
        saved: dict[str, keras.Variable],
        evaluate: Callable[[], float],
        run: Mapping[str, Any],
    ) -> None:
        """Takes what is saved.

        Args:
            path: The checkpoint.
            saved: Name to variable.
            evaluate: Returns the accuracy on the test split.
            run: What identifies the network.
        """
        super().__init__()
        self._path = path
        self._saved = saved
        self._evaluate = evaluate
        self._run = run
        self._last_save = time.monotonic()
        self.rows: list[dict[str, float]] = []
        self.has_stopped = False
        if path.is_file():
            progress = checkpoints.load(path, saved, run, cure=CHECKPOINT_CURE)
            self.rows += progress["history"]
            self.has_stopped = progress.get("has_stopped", False)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Adds an epoch; saves at the end, and when it is time."""
        assert logs is not None
        row = {
            "epoch": epoch + 1,
            "train_loss": logs["cross_entropy"],
            "train_accuracy": logs["accuracy"],
        }
        epochs = self.params["epochs"]
        is_last = epoch + 1 == epochs
        if is_last or (epoch + 1) % max(1, epochs // _NUM_EVALUATIONS) == 0:
            row["accuracy"] = self._evaluate()
        self.rows.append(row)
        self.has_stopped = self.model.stop_training
        waited = time.monotonic() - self._last_save
        if is_last or waited > _CHECKPOINT_SECONDS:
            self._save()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Saves once more: another callback may have stopped the training."""
        self._save()

    def _save(self) -> None:
        progress: Logs = {"history": self.rows}
        if self.has_stopped:
            progress["has_stopped"] = True
        checkpoints.save(self._path, self._saved, progress, self._run)
        self._last_save = time.monotonic()
