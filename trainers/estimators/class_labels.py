"""Labels of a Python program, and the names of their classes in a run."""

import dataclasses
import math
from collections.abc import Hashable
from typing import Any, Self

import numpy as np

from text2image.corpora import class_names, labels

_SCALARS = (str, bool, int, float)


@dataclasses.dataclass(frozen=True)
class ClassLabels:
    """The classes of an estimator.

    Attributes:
        values: `(K,)` the labels as they were passed, sorted if they can be.
        names: Their names in the run.
    """

    values: np.ndarray
    names: tuple[str, ...]

    @classmethod
    def of(cls, given: list[Any]) -> Self:
        """Finds the classes of N labels.

        Raises:
            TypeError: If a label is not hashable.
            ValueError: If a label is missing, or two classes have names that
                look alike.
        """
        for number, label in enumerate(given):
            if not isinstance(label, Hashable):
                raise TypeError(
                    "`labels` must be hashable, one per text. Received: "
                    f"{label!r} at index {number}."
                )
            is_nan = isinstance(label, float) and math.isnan(label)
            if label is None or is_nan or not labels.visible(str(label)):
                raise ValueError(
                    f"Every text needs a label. Received: {label!r} at index "
                    f"{number}. Leave the text out."
                )
        different = list(dict.fromkeys(given))
        try:
            different.sort()
        except TypeError:  # of several types
            different.sort(key=str)
        names = tuple(map(str, different))
        if alike := _alike(names):
            raise ValueError(
                f"Labels look like one class: {labels.listed(alike)}. Give "
                "them one label, or names that a reader can tell apart."
            )
        return cls(_array(different), names)

    @classmethod
    def of_run(cls, names: tuple[str, ...], values: list[Any] | None) -> Self:
        """Returns the classes of a run.

        Args:
            names: Class names.
            values: The labels, if a file keeps them; else they are the names.
        """
        return cls(_array(list(names) if values is None else values), names)

    def name_of(self, label: Any) -> str:
        """Returns the name of a label.

        Raises:
            ValueError: If it is none of the classes.
        """
        for value, name in zip(self.values, self.names, strict=True):
            if value == label:
                return name
        raise ValueError(
            f"`label` must be one of {self.values.tolist()}. Received: "
            f"{label!r}"
        )

    def to_json(self) -> list[Any] | None:
        """Returns the labels for a file; `None` if JSON cannot hold them."""
        values = self.values.tolist()
        return values if all(type(v) in _SCALARS for v in values) else None


def _alike(names: tuple[str, ...]) -> list[str]:
    if len(set(names)) < len(names):
        return sorted({name for name in names if names.count(name) > 1})
    return next(iter(class_names.look_alikes(names)), [])


def _array(values: list[Any]) -> np.ndarray:
    """An array of one type of numpy's if the labels are; else of objects."""
    kinds = {type(value) for value in values}
    if len(kinds) == 1 and issubclass(kinds.pop(), (*_SCALARS, np.generic)):
        return np.array(values)
    array = np.empty(len(values), object)
    for index, value in enumerate(values):  # a tuple would become an axis
        array[index] = value
    return array
