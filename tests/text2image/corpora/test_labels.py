"""Labels as readers see them: what is visible, what looks the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text2image.corpora import labels


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", True),
        (" .", True),
        ("😀", True),
        ("", False),
        (" \t\r\n\u00a0\u3000", False),
        ("\u200b\ufeff\u00ad\u2060", False),
        ("\x00\x1b", False),
        ("\u200b a", True),
    ],
)
def test_what_leaves_no_mark_is_not_visible(text, expected):
    assert labels.visible(text) == expected


@pytest.mark.parametrize(
    "spellings",
    [
        ("positive", "Positive", "POSITIVE", " positive "),
        ("straße", "STRASSE", "strasse"),
        ("very good", "very  good", "Very\u00a0Good", "very\tgood"),
        ("caf\u00e9", "cafe\u0301", "CAFÉ"),
        ("ab", "\uff21\uff22", "a\u200bb", "\ufeffab", "a\u00adb", "\u200eab"),
        ("1", "1.0", "01", "1.", "+1", "1.00", "\uff11"),
        ("0", "0.0", "-0", "-0.0", "00"),
        ("-1", "-1.0", "\u22121", "-01"),
        ("100", "100.0", "0100"),
        ("2.5", "2.50", "02.5"),
        ("don't know", "don\u2019t know"),
        ("non-fiction", "non\u2010fiction", "Non\u2013Fiction"),
    ],
)
def test_spellings_that_look_alike_fold_to_the_same(spellings):
    assert len({labels.fold_label(label) for label in spellings}) == 1


def test_other_labels_stay_apart():
    different = "1 2 1.5 10 -1 true cafe café ab a-b a_b c c# c++ 1e5 100000"
    names = [*different.split(), "a b", "v1", "v1.0"]
    assert len(set(map(labels.fold_label, names))) == len(names)


@given(st.text())
def test_blanks_and_marks_around_a_label_never_matter(text):
    label = text.strip()
    once = labels.fold_label(label)
    assert labels.fold_label(label + " ") == once
    assert labels.fold_label("\u200b" + label) == once


def test_characters_that_leave_no_mark_are_shown_as_escapes():
    assert labels.shown("good") == "'good'"
    assert labels.shown("a b\u200b\u00a0\n") == r"'a b\u200b\u00a0\u000a'"
    assert labels.shown("\U000e0100é😀") == r"'\U000e0100é😀'"


def test_lists_end_after_ten():
    names = [f"c{n}" for n in range(400)]
    assert labels.listed(["a", "b"]) == "'a', 'b'"
    assert labels.listed(names).endswith("'c9' and 390 more")
    assert labels.sized({"a": 3}) == "'a' (3)"
    assert labels.sized(dict.fromkeys(names[:10], 1)).endswith("'c9' (1)")
    sized = labels.sized(dict.fromkeys(names, 1))
    assert sized.endswith("'c9' (1) and 390 more")


def test_counts_of_many_classes_are_summed_up():
    assert labels.counted({"neg": 3, "pos": 4}) == "{'neg': 3, 'pos': 4}"
    counts = {f"c{n}": n + 1 for n in range(77)}
    assert labels.counted(counts) == (
        "3003 in 77 classes (from 1 in 'c0' to 77 in 'c76')"
    )
