"""Settings that text and multimodal runs have in common."""

import functools
from typing import Any

from tfrecords.settings import setting

_training = functools.partial(setting, group="training")


def precision_setting() -> Any:
    """Makes the setting `precision` of a text or multimodal run."""
    return _training(
        "auto",
        "What the steps compute in: float32, or mixed_bfloat16 (weights, "
        "losses and all validations stay in float32). auto: mixed_bfloat16 on "
        "a GPU that has it, else float32.",
        ("auto", "float32", "mixed_bfloat16"),
    )


def from_run_setting() -> Any:
    """Makes the setting `from_run` of a text or multimodal run."""
    return _training(
        "",
        "Start from the trained half of this finished run, on new data or "
        "classes; with other classes the layer of the classes starts anew.",
    )
