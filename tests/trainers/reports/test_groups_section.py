"""Tables of groups: what is shown, what is marked, what the file has."""

import csv

import numpy as np
import pytest

from trainers.reports import groups_section
from trainers.training import group_figures


def figures(sizes, num_classes=2):
    """Groups of these sizes in which every text is right."""
    groups = [name for name, size in sizes.items() for _ in range(size)]
    labels = np.arange(len(groups)) % num_classes
    return group_figures.by_group(groups, labels, np.eye(num_classes)[labels])


def section(found, names=("neg", "pos")):
    return "\n".join(groups_section.GroupTables("a_b", found, names).lines())


def test_two_classes_have_one_table_with_small_groups_marked():
    text = section(figures({"x|y": 40, "": 6}))
    assert text.startswith("## By a_b\n")
    assert "2 groups of texts, with 95% intervals" in text
    assert "1 marked with † has fewer than 30 texts" in text
    assert "| neg taken for pos | pos taken for neg |" in text
    assert r"| x\|y | 40 | 1.000 (0.912 to 1.000) | 0.000 (0.000 to" in text
    assert "| (none) † | 6 |" in text
    assert "| class |" not in text


@pytest.mark.parametrize(("num_classes", "is_shown"), [(3, True), (13, False)])
def test_the_error_rates_of_a_few_classes_are_shown(num_classes, is_shown):
    names = [f"class {number}" for number in range(num_classes)]
    text = section(figures({"g": 39}, num_classes), names)
    row = "| class 1 | g | 0.000 (0.000 to 0.228) | 0.000 (0.000 to 0.129) |"
    assert (row in text) == is_shown
    assert "taken for" not in text


def test_of_many_groups_the_largest_are_shown_and_the_file_has_all(tmp_path):
    found = figures({f"g{number}": number for number in range(1, 24)})
    text = section(found)
    assert "The 20 largest are shown." in text
    assert "| g23 † |" in text
    assert "| g3 † |" not in text
    groups_section.GroupTables("c", found, ("neg", "pos")).write(tmp_path)
    with (tmp_path / "groups.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 23 * (2 + 2 * 2)
    assert rows[0] == {
        "group": "g23",
        "class": "",
        "figure": "accuracy",
        "value": "1.000000",
        "low": rows[0]["low"],
        "high": "1.000000",
        "of": "23",
    }
    alone = [row for row in rows if row["group"] == "g1"]
    assert {row["value"] for row in alone if row["of"] == "0"} == {""}
