"""Every benchmark starts; what their figures rest on counts right."""

import math
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from benchmarks import encoder, measuring

ROOT = pathlib.Path(__file__).parents[2]
HELPERS = ("__init__", "measuring", "peers")
NAMES = sorted(
    path.stem
    for path in (ROOT / "benchmarks").glob("*.py")
    if path.stem not in HELPERS
)


@pytest.mark.parametrize("name", NAMES)
def test_help_answers(name):
    finished = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert finished.returncode in (0, 1), finished.stderr  # absl exits with 1
    assert any(word in finished.stdout for word in ("usage", "flags"))


def test_an_absent_peer_is_named_with_the_way_to_get_it(capsys):
    assert measuring.peer("a_peer_that_nobody_has") is None
    said = capsys.readouterr().out
    assert "a_peer_that_nobody_has" in said
    assert "requirements-peers.txt" in said


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


def test_operations_of_layers_are_counted_by_hand():
    model = keras.Sequential(
        [
            keras.Input((8, 6, 4)),
            keras.layers.Conv2D(10, 3, groups=2, padding="same"),
            keras.layers.DepthwiseConv2D(3, strides=2, padding="same"),
            keras.layers.Flatten(),
            keras.layers.Dense(5),
        ]
    )
    grouped = 48 * 10 * (9 * 2)
    depthwise = 12 * 10 * 9
    dense = 120 * 5
    found = measuring.forward_flops(model, (8, 6, 4))
    assert found == 2 * (grouped + depthwise + dense)


class Shape:
    hidden_dim = 4
    intermediate_dim = 16
    num_layers = 3


def test_operations_of_a_bert_are_counted_by_hand():
    whole, needed = encoder.flops(np.array([2, 3]), Shape)
    linear = 4 * 4 * 4 + 2 * 4 * 16  # q, k, v, output; feed forward
    attention = 2 * (4 + 9) * 4
    assert whole == 2 * 3 * (5 * linear + attention)
    # The last layer: keys and values of all rows, the rest of two rows.
    last = 5 * 2 * 16 + 2 * (linear - 2 * 16) + 2 * 5 * 4
    assert needed == 2 * (2 * (5 * linear + attention) + last)


def test_a_missing_number_is_a_dash(capsys):
    measuring.print_table(
        ("side", "rate"), [("ours", measuring.ratio(1.0, math.nan))]
    )
    assert "| ours | - |" in capsys.readouterr().out
