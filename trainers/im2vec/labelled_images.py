"""Where labelled images come from, and which classes of them are taken.

Classes are chosen by the label that stands in the record. (The published code
compares an image's position in its batch with the labels it wants, so that its
networks never saw one category alone.)
"""

import dataclasses
import difflib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tfrecords.settings import fingerprint

Batches = Iterator[tuple[np.ndarray, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class Source:
    """Where images come from.

    Attributes:
        name: Of the dataset.
        fingerprint: Of its content, as far as its own metadata tells, and of
            the classes taken.
        class_names: K names of the classes taken, in the dataset's order.
        read: `train` or `test` to batches of images `(n, H, W, C)` and labels
            `(n,)`, which count the classes taken from 0.
    """

    name: str
    fingerprint: str
    class_names: tuple[str, ...]
    read: Callable[[str], Batches]


def choose_classes(names: tuple[str, ...], classes: str) -> list[int]:
    """Labels of the classes asked for, in the dataset's order; all for "".

    Raises:
        ValueError: If one is unknown, or there are fewer than two.
    """
    asked = [word.strip() for word in classes.split(",") if word.strip()]
    for word in asked:
        if word not in names:
            near = difflib.get_close_matches(word, names, n=3)
            hint = f"Did you mean {', '.join(near)}? " if near else ""
            raise ValueError(
                f"--classes must name classes of the dataset. Received: "
                f"{word!r}. {hint}It has: {', '.join(names)}"
            )
    chosen = [
        label for label, name in enumerate(names) if name in asked or not asked
    ]
    require_two([names[label] for label in chosen])
    return chosen


def require_two(names: list[str]) -> None:
    """Refuses fewer than two classes, with a ValueError."""
    if len(names) < 2:
        raise ValueError(
            "Class vectors need two classes or more (three for the tests). "
            f"Received: {', '.join(names) or 'none'}. Name more --classes."
        )


def make_source(
    name: str,
    content: dict[str, Any],
    names: tuple[str, ...],
    chosen: list[int],
    read: Callable[[str, np.ndarray], Batches],
) -> Source:
    """Binds a reader to the classes chosen.

    Args:
        name: Of the dataset.
        content: What its fingerprint is of, the classes aside.
        names: All its class names.
        chosen: Labels taken.
        read: Split and lookup, label there to label here or -1, to batches.
    """
    lookup = np.full(len(names), -1, np.int64)
    lookup[chosen] = np.arange(len(chosen))
    return Source(
        name,
        fingerprint({**content, "labels": chosen}),
        tuple(names[label] for label in chosen),
        lambda split: read(split, lookup),
    )
