"""What must be known of all rows before any is used, range by range.

    survey = surveys.survey(items, part, sides)      # of one range
    merged = surveys.merge(surveys_in_range_order)
    classes = surveys.classes(merged, name, declared, selection)

Equal to what `index_corpus` finds, in the memory of the labels alone.
"""

import collections
import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from text2image.corpora.bad_rows import Tally
from text2image.corpora.examples import Example
from text2image.corpora.rows import Fault


@dataclasses.dataclass
class PartSurvey:
    """The rows of a part, or of a range of it.

    Attributes:
        num_rows: Number of all rows, faults among them.
        unlabelled: Number of rows without a label.
        labels: Label, in order of occurrence, to its number of rows.
        sides: Label to its number of rows on each side, (train, validation,
            test); empty where sides are not known yet.
    """

    num_rows: int = 0
    unlabelled: int = 0
    labels: collections.Counter[str] = dataclasses.field(
        default_factory=collections.Counter
    )
    sides: dict[str, list[int]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Survey:
    """Rows by part, and faults.

    Attributes:
        parts: Part name to its rows.
        faults: Faults by their cause, and the first ten.
    """

    parts: dict[str, PartSurvey] = dataclasses.field(default_factory=dict)
    faults: Tally = dataclasses.field(default_factory=Tally)

    def to_json(self) -> dict[str, Any]:
        """The survey as JSON holds it."""
        raise NotImplementedError

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Survey":
        """Reads what `to_json` gave."""
        raise NotImplementedError


def survey(
    items: Iterable[Example | Fault],
    part: str,
    side_of: Callable[[str], int] | None = None,
) -> Survey:
    """Surveys the rows of a range.

    Args:
        items: What `ranges.read` gives.
        part: The range's part.
        side_of: Gives the side of a text; see `hashed.side_of`.
    """
    raise NotImplementedError


def merge(surveys: Sequence[Survey]) -> Survey:
    """Adds up surveys; the order of ranges decides which faults are first."""
    raise NotImplementedError
