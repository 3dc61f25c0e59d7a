"""The label of a row: from any value to the name of a class."""

import functools
import math
from typing import Any

import numpy as np

from text2image.corpora import rows
from text2image.corpora.labels import visible
from text2image.corpora.rows import Fault


def class_name(place: str, label: Any) -> str | Fault | None:
    """Converts the label of a row to a string.

    Args:
        place: File and line, or dataset and example, for messages.
        label: A string, which is stripped; a whole number; a float that is
            whole (`1.0` becomes `1`); a truth value (`true`, `false`). `None`
            and NaN say that the row is unlabelled.

    Returns:
        The label; `None` if there is none; or a fault if a string is empty,
        spans several lines or is not Unicode.

    Raises:
        ValueError: If it is a fraction (a regression target), several labels,
            or of another type.
    """
    if isinstance(label, str):
        return _plain_name(label) or _checked_name(place, label)
    if isinstance(label, np.generic):
        label = label.item()
    if label is None or (isinstance(label, float) and math.isnan(label)):
        return None
    if isinstance(label, bool):
        return "true" if label else "false"
    if isinstance(label, float) and label.is_integer():
        label = int(label)  # -0.0 becomes 0
    if isinstance(label, int):
        return str(label)
    if isinstance(label, float):
        raise ValueError(
            f"{place}: the label must be a class. Received: {label!r}, a "
            "target of regression, which is not supported. Name a column of "
            "classes with --label_key."
        )
    if isinstance(label, list | tuple | dict | set | np.ndarray):
        raise ValueError(
            f"{place}: every text must have one label; several (multi-label) "
            f"are not supported. Received: {_shortened(repr(label))}. Name a "
            "column of single labels with --label_key."
        )
    raise ValueError(
        f"{place}: the label must be a string, a whole number or a truth "
        f"value. Received: {_shortened(repr(label))}. Name the right column "
        "with --label_key."
    )


@functools.lru_cache(maxsize=4096)
def _plain_name(label: str) -> str | None:
    """The name of a usual label, remembered: rows repeat their labels."""
    name = _checked_name("", label)
    return name if isinstance(name, str) else None


def _checked_name(place: str, label: str) -> str | Fault:
    stripped = label.strip()
    if not visible(stripped):
        message = (
            f"{place}: the label is empty. Give the row one, or remove it."
        )
        return Fault(place, rows.NO_LABEL, message, "")
    if "\n" in stripped or "\r" in stripped:
        message = (
            f"{place}: the label {_shortened(repr(label))} contains a newline. "
            "Class names must be one line."
        )
        return Fault(place, rows.NOT_A_ROW, message, "")
    return rows.fault_of_text(place, "label", stripped) or stripped


def _shortened(text: str, length: int = 80) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
