"""Seconds and memory are those of the call alone."""

import math
import sys

import numpy as np
import pytest

from benchmarks import measuring


def test_calls_take_turns_and_absent_ones_have_no_time():
    order = []
    seconds = measuring.alternate(
        {
            "a": lambda: order.append("a"),
            "b": None,
            "c": lambda: order.append("c"),
        },
        rounds=2,
    )
    assert order == ["a", "c"] * 3  # one round warms up
    assert seconds["a"] >= 0
    assert math.isnan(seconds["b"])


def prepare_numbers(count):
    held = np.ones(count)  # before the call: not counted

    def call():
        return float(np.ones(count).sum() + held[0])

    return call


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_what_rose_above_the_inputs():
    count = 8_000_000  # 64 MB of doubles
    result, seconds, peak = measuring.in_fresh_process(prepare_numbers, count)
    assert result == count + 1
    assert seconds > 0
    assert 0.9 * 8 * count < peak < 1.2 * 8 * count
