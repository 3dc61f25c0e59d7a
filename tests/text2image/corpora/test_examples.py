"""Examples from rows: made, unlabelled, or a fault that says why."""

import math

import numpy as np
import pytest

from text2image.corpora import examples, rows

PLACE = "a.csv, line 7"


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("pos", "pos"),
        ("  pos\t", "pos"),
        ("1.0", "1.0"),
        (1, "1"),
        (-1, "-1"),
        (1.0, "1"),
        (-0.0, "0"),
        (1e20, "100000000000000000000"),
        (True, "true"),
        (False, "false"),
        (np.int64(4), "4"),
        (np.float32(2.0), "2"),
        (np.bool_(True), "true"),
        (None, None),
        (math.nan, None),
        (np.float32("nan"), None),
    ],
)
def test_labels_of_any_type_become_strings(label, expected):
    made = examples.make_example(PLACE, "7", "good", label)
    assert made == examples.Example("7", "good", expected)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (0.5, r"0\.5.*regression"),
        (np.float32(0.25), r"0\.25.*regression"),
        (math.inf, "inf.*regression"),
        (["a"], "multi-label"),
        ([], "multi-label"),
        ({"a": 1}, "multi-label"),
        (np.array([0, 1]), "multi-label"),
        (b"pos", "string, a whole number or a truth value"),
    ],
)
def test_labels_that_are_no_classes_end_the_reading(label, message):
    with pytest.raises(ValueError, match=f"{PLACE}.*{message}.*--label_key"):
        examples.make_example(PLACE, "7", "", label)


@pytest.mark.parametrize(
    ("text", "label", "cause", "message"),
    [
        ("", "pos", rows.EMPTY_TEXT, "the text is empty"),
        (" \n", "pos", rows.EMPTY_TEXT, "the text is empty"),
        ("\u200b\ufeff", "pos", rows.EMPTY_TEXT, "the text is empty"),
        (None, "pos", rows.EMPTY_TEXT, r"the text is empty \(null\)"),
        ("", None, rows.EMPTY_TEXT, "the text is empty"),
        (3, "pos", rows.NOT_A_ROW, "the text must be a string.*int"),
        ("a\ud83d", "pos", rows.LONE_SURROGATE, "text contains a lone surr"),
        ("good", "", rows.NO_LABEL, "the label is empty"),
        ("good", " \u200b", rows.NO_LABEL, "the label is empty"),
        ("good", "a\nb", rows.NOT_A_ROW, "the label .* contains a newline"),
        ("good", "\udc80", rows.LONE_SURROGATE, "label contains a lone surr"),
    ],
)
def test_what_cannot_be_an_example_is_a_fault(text, label, cause, message):
    fault = examples.make_example(PLACE, "7", text, label)
    assert (fault.place, fault.cause) == (PLACE, cause)
    fault.content.encode("utf-8")
    with pytest.raises(ValueError, match=f"^{PLACE}: .*{message}"):
        examples.usable(fault)


def test_a_fault_shows_the_row():
    fault = examples.make_example(PLACE, "7", "", "é")
    assert fault.content == '{"text": "", "label": "é"}'


def test_a_captioned_image_with_a_faulty_text_or_label_is_a_fault():
    def make(label="a", **texts):
        return examples.make_captioned_image(
            PLACE,
            key="x.jpg",
            texts=texts,
            label=label,
            source="train",
            read_image=bytes,
        )

    assert make(title="t", description=None).text == "t"
    assert make(True).label == "true"
    assert make(None).label is None
    assert make(title=3).cause == rows.NOT_A_ROW
    assert make(description="\ud83d").cause == rows.LONE_SURROGATE
    assert make("").cause == rows.NO_LABEL
    assert '"id": "x.jpg"' in make("").content
