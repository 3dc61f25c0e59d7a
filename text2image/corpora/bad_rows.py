"""Rows that cannot be used: counted, refused or dropped."""

import collections
import csv
import math
from collections.abc import Callable
from typing import TextIO

from text2image.corpora.rows import Fault

FIRST = 10


class Tally:
    """Counts faults by their cause and remembers the first ten.

    Attributes:
        causes: Cause to the number of faults.
        first: The first faults.
    """

    def __init__(self) -> None:
        """Starts at no fault."""
        self.causes: collections.Counter[str] = collections.Counter()
        self.first: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Counts a fault."""
        self.causes[fault.cause] += 1
        if len(self.first) < FIRST:
            self.first.append(fault)

    def check(self, bad_rows: str, most: float, num_rows: int) -> None:
        """Refuses a corpus with faults, or with too many to drop them.

        Args:
            bad_rows: One of `options.BAD_ROWS`.
            most: Largest share of rows that may be dropped.
            num_rows: Number of all rows.

        Raises:
            ValueError: The first fault's message, the counts and the cure.
        """
        total = self.causes.total()
        share = total / max(num_rows, 1)
        if not total or (bad_rows == "drop" and share <= most):
            return
        cure = "--bad_rows=drop"
        if share > most:
            # Rounded up, so that the typed value suffices.
            cure += f" --max_bad_rows={math.ceil(share * 1000) / 1000:g}"
        if bad_rows == "drop":
            raise ValueError(
                f"{total} of {num_rows} rows ({share:.1%}) cannot be used: "
                f"{described(self.causes)}. The first: {self.first[0].message}"
                f" At most {most:.1%} may be dropped; {cure} allows more."
            )
        raise ValueError(
            f"{self.first[0].message} Of {num_rows} rows, {total} cannot be "
            f"used: {described(self.causes)}. {cure} leaves such rows out."
        )


def described(causes: collections.Counter[str] | dict[str, int]) -> str:
    """Writes counts by cause: `3 no label, 1 empty text`."""
    ordered = sorted(causes.items(), key=lambda entry: (-entry[1], entry[0]))
    return ", ".join(f"{count} {cause}" for cause, count in ordered)


def writer_of_dropped(stream: TextIO) -> Callable[[Fault], None]:
    """Starts a CSV file of faults: place, cause and content.

    Args:
        stream: A text file opened with `newline=""`.

    Returns:
        What writes a fault to it.
    """
    rows = csv.writer(stream)
    rows.writerow(("place", "cause", "content"))
    return lambda fault: rows.writerow(
        (fault.place, fault.cause, fault.content)
    )
