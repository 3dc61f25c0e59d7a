"""Every setting of the encoder's tuning.

This module imports nothing heavy, so that `--help` answers at once.
"""

import dataclasses
import math

from tfrecords import ranges
from tfrecords.settings import JsonSettings, setting, validate

_RATES = {384: 3e-4, 768: 1e-4, math.inf: 2e-5}  # below this hidden size


@dataclasses.dataclass(frozen=True)
class TuneConfig(JsonSettings):
    """How the encoder is fine-tuned; the help of each field says more."""

    tune_encoder: int = setting(
        0,
        "Passes over the train texts in which the encoder is fine-tuned before "
        "the stacks are made; 0: it stays as published, as in the paper.",
        ranges.LIMIT,
        group="training",
    )
    limit_tune: int = setting(
        0,
        "Most train texts that the encoder is tuned on, a stratified draw; 0: "
        "all.",
        ranges.LIMIT,
        group="training",
    )
    tune_lr: float = setting(
        0.0,
        "AdamW's highest rate while the encoder is tuned, at its last layer; "
        "0: 3e-4 for encoders of hidden size below 384, 1e-4 below 768, else "
        "2e-5.",
        ranges.RATE_OR_DEFAULT,
        group="training",
    )
    tune_batch_size: int = setting(
        32,
        "Texts per step of the tuning.",
        ranges.TRAIN_BATCH,
        group="training",
    )
    tune_max_tokens: int = setting(
        256,
        "Most tokens per text while the encoder is tuned; never more than "
        "--max_tokens.",
        ranges.Range(least=8, most=512),
        group="training",
    )
    tune_seed: int = setting(
        0,
        "Seed of the draw of texts, their order and dropout in the tuning.",
        ranges.SEED,
        group="training",
    )

    def __post_init__(self) -> None:
        """Refuses values that no tuning could use."""
        validate(self)

    def rate(self, hidden_dim: int) -> float:
        """Returns AdamW's highest rate for an encoder of a hidden size.

        Devlin et al. 2018, A.3, took 2e-5 to 5e-5 for BERT base.
        """
        by_size = next(
            rate for size, rate in _RATES.items() if hidden_dim < size
        )
        return self.tune_lr or by_size
