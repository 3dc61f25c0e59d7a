"""Stops a training whose numbers are spoiled, before they are saved."""

import keras
import numpy as np

from trainers.training.callbacks import Logs
from trainers.training.sources import Source
from trainers.training.steps import Steps


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
