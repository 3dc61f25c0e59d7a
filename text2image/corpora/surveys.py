"""What must be known of all rows before any is used, range by range.

    found = surveys.survey(items, part, side_of)   # of one range
    merged = surveys.merge(found_of_each_range_in_order)
    chosen = classes.choose(merged, name, declared, selection)

Memory holds the labels and ten faults.
"""

import collections
import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from text2image.corpora.bad_rows import FIRST, Tally
from text2image.corpora.examples import Example
from text2image.corpora.rows import Fault


@dataclasses.dataclass
class PartSurvey:
    """The rows of a part, or of a range of it.

    Attributes:
        num_rows: Number of all rows, faults among them.
        unlabelled: Number of rows without a label.
        labels: Label to its number of rows, in order of occurrence.
        sides: Side to the number of rows of each label; empty without a split
            that says the side of a row on its own.
    """

    num_rows: int = 0
    unlabelled: int = 0
    labels: collections.Counter[str] = dataclasses.field(
        default_factory=collections.Counter
    )
    sides: dict[int, collections.Counter[str]] = dataclasses.field(
        default_factory=dict
    )

    def add(self, item: Any, side: int | None = None) -> None:
        """Counts a row: a fault, or an example of any kind and its side."""
        self.num_rows += 1
        if isinstance(item, Fault):
            return
        if item.label is None:
            self.unlabelled += 1
            return
        self.labels[item.label] += 1
        if side is not None:
            self.sides.setdefault(side, collections.Counter())[item.label] += 1

    def update(self, other: "PartSurvey") -> None:
        """Adds the counts of later rows."""
        self.num_rows += other.num_rows
        self.unlabelled += other.unlabelled
        self.labels.update(other.labels)
        for side, labels in other.sides.items():
            self.sides.setdefault(side, collections.Counter()).update(labels)


@dataclasses.dataclass
class Survey:
    """The rows of a corpus, or of a range of it.

    Attributes:
        parts: Part name to its rows.
        faults: Faults by their cause, and the first ten.
    """

    parts: dict[str, PartSurvey] = dataclasses.field(default_factory=dict)
    faults: Tally = dataclasses.field(default_factory=Tally)

    @property
    def num_rows(self) -> int:
        """Number of all rows."""
        return sum(rows.num_rows for rows in self.parts.values())

    @property
    def labels(self) -> collections.Counter[str]:
        """Label to its number of rows in all parts, in order of occurrence."""
        total: collections.Counter[str] = collections.Counter()
        for rows in self.parts.values():
            total.update(rows.labels)
        return total

    def to_json(self) -> dict[str, Any]:
        """The survey as JSON holds it."""
        return {
            "parts": {
                name: {
                    "num_rows": rows.num_rows,
                    "unlabelled": rows.unlabelled,
                    "labels": dict(rows.labels),
                    "sides": {
                        str(side): dict(labels)
                        for side, labels in rows.sides.items()
                    },
                }
                for name, rows in self.parts.items()
            },
            "faults": {
                "causes": dict(self.faults.causes),
                "first": [
                    dataclasses.asdict(fault) for fault in self.faults.first
                ],
            },
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Survey":
        """Reads what `to_json` gave."""
        survey = cls()
        for name, rows in value["parts"].items():
            survey.parts[name] = PartSurvey(
                rows["num_rows"],
                rows["unlabelled"],
                collections.Counter(rows["labels"]),
                {
                    int(side): collections.Counter(labels)
                    for side, labels in rows["sides"].items()
                },
            )
        survey.faults.causes.update(value["faults"]["causes"])
        survey.faults.first += [
            Fault(**fault) for fault in value["faults"]["first"]
        ]
        return survey


def survey(
    items: Iterable[Example | Fault],
    part: str,
    side_of: Callable[[str], int] | None = None,
) -> Survey:
    """Surveys the rows of a range.

    Args:
        items: What `ranges.read` gives.
        part: The range's part.
        side_of: Gives the side of a text, as `hashed.side_of` does.
    """
    found = Survey({part: PartSurvey()})
    rows = found.parts[part]
    for item in items:
        side = None
        if isinstance(item, Fault):
            found.faults.add(item)
        elif side_of and item.label is not None:
            side = side_of(item.text)
        rows.add(item, side)
    return found


def merge(surveys: Iterable[Survey]) -> Survey:
    """Adds up surveys, in the order of their ranges.

    The order decides which ten faults are the first.
    """
    merged = Survey()
    for found in surveys:
        for name, rows in found.parts.items():
            merged.parts.setdefault(name, PartSurvey()).update(rows)
        merged.faults.causes.update(found.faults.causes)
        room = FIRST - len(merged.faults.first)
        merged.faults.first += found.faults.first[:room]
    return merged
