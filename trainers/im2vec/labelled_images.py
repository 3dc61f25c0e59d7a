"""Labelled images of the classes that a run uses.

Classes are chosen by the label in the record. (The published code compares the
position of an image in its batch with the wanted labels, so its networks never
saw only one category.)
"""

import dataclasses
import difflib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tfrecords.settings import fingerprint

Batches = Iterator[tuple[np.ndarray, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class LabelledImages:
    """Images to read, one batch at a time.

    Attributes:
        name: Name of the dataset.
        fingerprint: Fingerprint of its content, as far as its own metadata
            describes it, and of the chosen classes.
        class_names: K names of the chosen classes, in the dataset's order.
        read: Function of `train` or `test`; yields batches of images
            `(n, H, W, C)` and labels `(n,)`, which number the chosen classes
            from 0.
    """

    name: str
    fingerprint: str
    class_names: tuple[str, ...]
    read: Callable[[str], Batches]


def choose_classes(names: tuple[str, ...], classes: str) -> list[int]:
    """Finds the labels of named classes, in the dataset's order.

    Args:
        names: All class names of the dataset, in label order.
        classes: Names with commas; empty for all.

    Raises:
        ValueError: If a name is unknown, or there are fewer than two.
    """
    wanted = [word.strip() for word in classes.split(",") if word.strip()]
    for word in wanted:
        if word not in names:
            near = difflib.get_close_matches(word, names, n=3)
            hint = f"Did you mean {', '.join(near)}? " if near else ""
            raise ValueError(
                f"--classes must name classes of the dataset. Received: "
                f"{word!r}. {hint}It has: {', '.join(names)}"
            )
    chosen = [
        label
        for label, name in enumerate(names)
        if name in wanted or not wanted
    ]
    require_two([names[label] for label in chosen])
    return chosen


def require_two(names: list[str]) -> None:
    """Raises a ValueError for fewer than two classes."""
    if len(names) < 2:
        raise ValueError(
            "Class vectors need two classes or more, and their tests three. "
            f"Received: {', '.join(names) or 'none'}. Name more --classes."
        )


def restrict(
    name: str,
    content: dict[str, Any],
    names: tuple[str, ...],
    chosen: list[int],
    read: Callable[[str, np.ndarray], Batches],
) -> LabelledImages:
    """Restricts a reader to the chosen classes.

    Args:
        name: Name of the dataset.
        content: Content of the fingerprint, except the classes.
        names: All class names of the dataset, in label order.
        chosen: Labels of the chosen classes.
        read: Function of a split and a lookup table, from label in the dataset
            to label among the chosen classes or -1; yields batches.
    """
    lookup = np.full(len(names), -1, np.int64)
    lookup[chosen] = np.arange(len(chosen))
    return LabelledImages(
        name,
        fingerprint({**content, "labels": chosen}),
        tuple(names[label] for label in chosen),
        lambda split: read(split, lookup),
    )
