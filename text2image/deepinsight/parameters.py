"""Checks of the parameters that `DeepInsight` is given."""

import numbers
from typing import Any

import numpy as np

from text2image import options

_CHOICES = {
    "scaler": (None, *options.SCALERS),
    "assignment": options.ASSIGNMENTS,
    "fill": options.FILLS,
    "layout": options.LAYOUTS,
    "metric": options.TSNE_METRICS,
    "tsne_method": options.TSNE_METHODS,
    "tsne_init": options.TSNE_INITS,
}
_COUNTS = ("image_height", "image_width", "tsne_iterations")
# Sums and differences of two values stay within float32.
_LARGEST = 1e38


def check(estimator: Any) -> None:
    """Refuses values that no map can be fitted with.

    Args:
        estimator: A `DeepInsight`.

    Raises:
        ValueError: Names the parameter, what is expected and received.
    """
    choices = dict(_CHOICES)
    if isinstance(estimator.projection, str):
        choices["projection"] = options.PROJECTIONS
    for name, legal in choices.items():
        value = getattr(estimator, name)
        if value not in legal:
            raise ValueError(
                f"`{name}` must be one of {legal}. Received: {value!r}"
            )
    for name in _COUNTS:
        value = getattr(estimator, name)
        if not isinstance(value, numbers.Integral) or value < 1:
            raise ValueError(
                f"`{name}` must be a whole number of at least 1. Received: "
                f"{value!r}"
            )


def check_range(minimum: np.ndarray, maximum: np.ndarray) -> None:
    """Refuses features that are beyond float32.

    Args:
        minimum: Least value of each feature, `(F,)`.
        maximum: Greatest value of each feature, `(F,)`.

    Raises:
        ValueError: If a value is too large.
    """
    largest = max(-minimum.min(), maximum.max())
    if largest > _LARGEST:
        raise ValueError(
            f"Features must be within +-{_LARGEST:g}. Received: values up to "
            f"{largest:.3g}. Scale them first."
        )
