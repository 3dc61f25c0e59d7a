"""Growth on paper: computed from rates, and as the page has it."""

import json
import pathlib

import pytest

from benchmarks import growth_on_paper as paper
from benchmarks import magnitudes

ROOT = pathlib.Path(__file__).parents[2]
PAGE = ROOT / "docs" / "results" / "growth.md"
RATES = json.loads((PAGE.parent / "growth_rates.json").read_text("utf-8"))
ONE = {
    "features": 10,
    "per_row": dict.fromkeys(RATES["per_row"], 1.0),
    "once": dict.fromkeys(RATES["once"], 0.0),
    "bytes": dict.fromkeys(RATES["bytes"], 1.0),
}


def test_the_tables_of_the_page_are_those_of_the_command(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    paper.main([])
    lines = capsys.readouterr().out.splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) > 40
    page = PAGE.read_text("utf-8").splitlines()
    assert [row for row in rows if row not in page] == []


def test_one_core_needs_the_sum_of_its_stages():
    plan = paper.Plan(1000, ONE, paper.Assumptions(cores=1, epochs=3))
    seconds = plan.seconds(1, has_gpus=False)
    # Reading twice, statistics and products of 800 train rows; 3 epochs.
    assert seconds == pytest.approx(
        {
            "split": 1000,
            "encode, write": 2000,
            "statistics, Gram": 4 * 800,
            "merge, map": 0,
            "draw": 2000,
            "driver": 0,
            "feature maps": 1000,
            "training": 3 * 800,
        }
    )


@pytest.mark.parametrize("count", paper.SIZES)
@pytest.mark.parametrize("has_gpus", [False, True])
def test_more_machines_take_no_longer_and_cost_no_less(count, has_gpus):
    plan = paper.Plan(count, RATES, paper.Assumptions())
    times, costs = zip(
        *(
            (
                plan.total(machines, has_gpus=has_gpus),
                plan.cost(machines, has_gpus=has_gpus),
            )
            for machines in paper.MACHINES
        ),
        strict=True,
    )
    assert list(times) == sorted(times, reverse=True)
    assert list(costs) == sorted(costs)


def test_the_gram_matrices_do_not_grow_with_the_texts():
    groups = [
        paper.Plan(count, RATES, paper.Assumptions()).groups
        for count in paper.SIZES
    ]
    assert max(groups) <= 64
    assert groups[-1] == groups[-2]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0168, "0.017 s"),
        (59.96, "60 s"),
        (61, "1 min"),
        (3600 * 2.44, "2.4 h"),
        (86400 * 99, "99 d"),
        (31_557_600 * 20, "20 years"),
    ],
)
def test_durations_have_two_digits(seconds, text):
    assert magnitudes.duration(seconds) == text
