"""Texts of figures: nothing is mathematics, missing or too long."""

import io
import unicodedata

import matplotlib.figure
import matplotlib.font_manager
import pytest

from tests.support.hostile_names import NAMES
from text2image import figure_text


def drawn(texts):
    """Saves a figure with texts and legend; warnings are errors in tests."""
    figure = matplotlib.figure.Figure(layout="constrained")
    axes = figure.subplots()
    axes.set_yticks(range(len(texts)), texts)
    axes.plot([0, 1], label=texts[0])
    axes.legend()
    figure_text.set_fonts(figure)
    figure.savefig(io.BytesIO(), format="png")
    return [label.get_text() for label in axes.get_yticklabels()]


@pytest.mark.filterwarnings("error")
def test_every_name_is_drawn_without_a_warning():
    labels = figure_text.class_labels(NAMES)
    assert drawn(labels) == labels
    assert len(set(labels)) == len(NAMES)


@pytest.mark.parametrize("text", ["$x_1^2$", "a $ b", r"\$", r"\\$$", "$"])
def test_a_dollar_is_shown_as_a_dollar(text):
    shown, is_math = matplotlib.text.Text()._preprocess_math(
        figure_text.label(text)
    )
    assert (shown, is_math) == (text, False)


def test_invisible_characters_and_line_breaks_are_left_out():
    text = " a\u202eb\u200f\tc\nd\ufeff\x07e\ud800 "
    assert figure_text.label(text) == "ab c de"


@pytest.mark.parametrize(("most", "expected"), [(9, "abcdef…yz"), (26, None)])
def test_a_long_text_loses_its_middle(most, expected):
    text = "abcdefghijklmnopqrstuvwxyz"
    assert figure_text.label(text, most) == (expected or text)


def test_wide_characters_count_twice():
    missing = "\N{FULLWIDTH LATIN SMALL LETTER A}" * 30
    for text in ("负" * 30, missing):
        shown = figure_text.label(text, 20)
        widths = [
            2 if unicodedata.east_asian_width(character) in "WF" else 1
            for character in shown
        ]
        assert sum(widths) <= 20


def test_lines_break_between_words():
    assert figure_text.label("one $ two three", wrap=8) == "one \\$\ntwo\nthree"


def test_a_character_of_no_font_is_a_box_and_names_of_boxes_are_numbers():
    unknown = "\U0003fffd"  # no character: the last but two of plane 3
    assert figure_text.label(f"a{unknown}bc") == "a□bc"
    labels = figure_text.class_labels(["a", unknown * 2, "a", f"abc{unknown}"])
    assert labels == ["a (0)", "class 1", "a (2)", "abc□"]
    assert figure_text.note_on_numbers(["a", "b"]) == ""
    assert "1 of the 2 class names" in figure_text.note_on_numbers(
        ["a", unknown]
    )


@pytest.mark.filterwarnings("error")
def test_a_character_of_another_font_is_drawn_with_that_font():
    character = "\N{PROPERTY LINE}"  # in matplotlib's STIX, not in its DejaVu
    default = matplotlib.font_manager.findfont("DejaVu Sans")
    charmap = matplotlib.font_manager.get_font(default).get_charmap()
    assert ord(character) not in charmap
    assert figure_text.label(f"a{character}") == f"a{character}"
    drawn([f"a{character}"])
