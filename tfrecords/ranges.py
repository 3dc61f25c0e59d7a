"""Ranges of the numbers that are set.

No sensible value is beyond the upper bounds, and below them nothing that is
computed from the value overflows.
"""

import dataclasses
import math


@dataclasses.dataclass(frozen=True, kw_only=True)
class Range:
    """An interval with two bounds: `value in range`.

    Attributes:
        least: Smallest number in it; or
        above: Bound that its numbers exceed.
        most: Largest number in it; or
        below: Bound that its numbers do not reach.
    """

    least: float = -math.inf
    above: float = -math.inf
    most: float = math.inf
    below: float = math.inf

    def __contains__(self, value: float) -> bool:
        """Whether a number is in it; NaN never is."""
        return (
            self.least <= value <= self.most and self.above < value < self.below
        )

    def __str__(self) -> str:
        """The interval as mathematics writes it: [0, 1)."""
        left = f"[{self.least}" if self.least > self.above else f"({self.above}"
        right = f"{self.most}]" if self.most < self.below else f"{self.below})"
        return f"{left}, {right}"


SEED = Range(least=0, below=2**32)  # numpy and Keras take a uint32
FRACTION = Range(least=0, most=1)
DROPOUT = Range(least=0, below=1)
EXAMPLES = Range(least=1, most=10**9)  # their numbers are int32
LIMIT = Range(least=0, most=10**9)  # of examples or steps; 0: none
BATCH = Range(least=1, most=2**20)
TRAIN_BATCH = Range(least=2, most=2**20)  # batch norm cannot train on one
EPOCHS = Range(least=1, most=10**6)
TRAININGS = Range(least=1, most=1000)  # of a row of a table
UNITS = Range(least=1, most=2**16)  # of a layer
# An image of this side has 200 MB, and a record may have no more than 2 GB.
SIDE = Range(least=1, most=4096)
ENLARGEMENT = Range(least=1, most=32)
RATE = Range(above=0, most=1000)  # of learning
RATE_OR_DEFAULT = Range(least=0, most=1000)  # 0: the default
PENALTY = Range(least=0, most=1000)  # on weights
GIGABYTES = Range(least=0, most=10**6)
