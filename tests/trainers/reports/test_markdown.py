"""Markdown that a reader's renderer takes as it was meant."""

import statistics

import pytest

from tests.support.hostile_names import NAMES
from trainers.reports import markdown


def test_a_table_has_a_separator_and_a_line_per_row():
    assert markdown.table(("", "n"), [("a", 1), ("b", 2.5)]) == [
        "|  | n |",
        "| --- | --- |",
        "| a | 1 |",
        "| b | 2.5 |",
    ]


def test_pipes_and_line_breaks_stay_inside_their_cell():
    lines = markdown.table(("a|b", "c"), [("x | y", "two\nlines\r\nhere")])
    assert lines[0] == r"| a\|b | c |"
    assert lines[2] == r"| x \| y | two lines here |"


@pytest.mark.parametrize("name", NAMES)
def test_a_renderer_shows_a_name_as_it_is(name):
    markdown_it = pytest.importorskip("markdown_it")
    lines = markdown.table(
        (markdown.plain(name), "n"), [(markdown.plain(name), 1)]
    )
    tokens = markdown_it.MarkdownIt("gfm-like", {"linkify": False}).parse(
        "\n".join(lines)
    )
    cells = [token for token in tokens if token.type == "inline"]
    assert len(cells) == 4
    for cell in (cells[0], cells[2]):
        assert {child.type for child in cell.children} == {"text"}
        shown = "".join(child.content for child in cell.children)
        expected = name.replace("\u202e", r"\u202e").replace(
            "\u200b", r"\u200b"
        )
        assert shown == expected


def test_a_long_name_can_lose_its_middle():
    assert markdown.plain("abcdefghijkl", most=7) == "abcd…kl"


def test_nouns_have_their_number():
    assert markdown.count(1, "epoch") == "1 epoch"
    assert markdown.count(1234, "epoch") == "1,234 epochs"


def test_a_row_with_a_cell_too_few_is_refused():
    with pytest.raises(ValueError, match=r"must have 2 cells.*Received: 1"):
        markdown.table(("a", "b"), [("x",)])


def test_a_document_has_one_empty_line_between_its_parts():
    lines = ["", "# a", "", "", "b", "c", "", ""]
    assert markdown.document(lines) == "# a\n\nb\nc\n"


def test_a_figure_is_above_its_caption():
    assert markdown.figures({"a.png": "A.", "b.png": "B."}) == [
        *("", "![a.png](a.png)", "", "A."),
        *("", "![b.png](b.png)", "", "B."),
    ]


@pytest.mark.parametrize(
    ("values", "scale", "expected"),
    [
        ([0.81231], 1, "0.8123"),
        ([0.81231], 100, "81.23"),
        # Deviations by hand: of 0.5 and 0.7, 0.1 * sqrt(2).
        ([0.5, 0.7], 1, "0.6000 ± 0.1414"),
        ([0.5, 0.7], 100, "60.00 ± 14.14"),
    ],
)
def test_mean_and_deviation_show_the_same_digits(values, scale, expected):
    assert markdown.mean_and_deviation(values, scale=scale) == expected


def test_the_deviation_is_the_samples():
    values = [0.1, 0.25, 0.7]
    shown = markdown.mean_and_deviation(values).split(" ± ")[1]
    assert float(shown) == pytest.approx(statistics.stdev(values), abs=5e-5)
