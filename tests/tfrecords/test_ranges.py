"""Intervals contain what mathematics says, and never NaN."""

import math

import pytest

from tfrecords.ranges import Range


@pytest.mark.parametrize(
    ("bounds", "inside", "outside", "shown"),
    [
        ({"least": 0, "most": 1}, (0, 0.5, 1), (-1e-9, 1.1), "[0, 1]"),
        ({"least": 0, "below": 1}, (0, 0.9), (-0.1, 1), "[0, 1)"),
        ({"above": 0, "most": 1}, (1e-9, 1), (0, 1.1), "(0, 1]"),
        ({"above": 0, "below": 1}, (0.1, 0.9), (0, 1), "(0, 1)"),
        ({"least": 1, "most": 1000}, (1, 1000), (0, 10**400), "[1, 1000]"),
    ],
)
def test_an_interval_has_its_bounds_or_not(bounds, inside, outside, shown):
    interval = Range(**bounds)
    assert str(interval) == shown
    assert all(value in interval for value in inside)
    for value in (*outside, math.nan, math.inf, -math.inf):
        assert value not in interval
