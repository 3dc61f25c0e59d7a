"""Which columns are text and label, and what a row has in them."""

import pytest

from text2image.corpora import columns
from text2image.corpora.rows import EMPTY_TEXT, NOT_A_ROW, Fault, Reading, Row


def choose(*names, **flags):
    return columns.choose("corpus", names, Reading(**flags))


@pytest.mark.parametrize("text", columns.TEXTS)
@pytest.mark.parametrize("label", columns.LABELS)
def test_one_column_of_each_kind_is_taken_and_said(text, label):
    choice = choose("id", label, text)
    assert (choice.texts, choice.label) == ((text,), label)
    said = " ".join(choice.guesses)
    assert ("--text_key" in said) == (text != "text")
    assert ("--label_key" in said) == (label != "label")


@pytest.mark.parametrize(
    ("names", "flags", "expected"),
    [
        (["Text ", " LABEL"], {}, ("Text ", " LABEL")),
        (["Text", "text", "label"], {"text_key": "text"}, ("text", "label")),
        (["v1", "v2"], {"text_key": "v2", "label_key": "v1"}, ("v2", "v1")),
        (["A b", "label"], {"text_key": "a B"}, ("A b", "label")),
        (["text", "review", "label"], {"text_key": "review"}, None),
        (["a,b", "a", "b", "label"], {"text_key": "a,b"}, ("a,b", "label")),
        (["a", "b", "label"], {"text_key": "a,b"}, ("a,b", "label")),
        (["a", "label"], {"text_key": "a.b/c"}, ("a.b/c", "label")),
        (["a", "a.b", "label"], {"text_key": "a.b"}, ("a.b", "label")),
        (["text", "class"], {"text_key": "class", "label_key": "text"}, None),
    ],
)
def test_flags_choose_columns(names, flags, expected):
    choice = choose(*names, **flags)
    if expected is None:
        expected = (flags["text_key"], flags.get("label_key", "label"))
    assert (choice.text_key, choice.label) == expected


@pytest.mark.parametrize(
    ("names", "flags", "parts"),
    [
        (["v1", "v2"], {}, ["'v1', 'v2'", "--text_key", "--label_key"]),
        (["text", "review", "label"], {}, ["'text', 'review'", "--text_key"]),
        (
            ["text", "body", "label", "class"],
            {},
            [
                "'text', 'body'",
                "'label', 'class'",
                "--text_key=",
                "--label_key=",
            ],
        ),
        (["text"], {}, ["like a label", "--label_key"]),
        (["text", "label"], {"text_key": "x"}, ["no 'x'", "--text_key"]),
        (["Text", "TEXT", "label"], {"text_key": "text"}, ["'Text', 'TEXT'"]),
        (["x" * 5000, "y"], {}, ["x…'"]),
        ([f"c{i}" for i in range(900)], {}, ["and 880 more"]),
    ],
)
def test_what_is_not_clear_is_refused_with_all_candidates(names, flags, parts):
    with pytest.raises(ValueError, match="corpus") as caught:
        choose(*names, **flags)
    for part in parts:
        assert part in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_no_label_is_needed_for_prediction():
    choice = columns.choose("x", ["review"], Reading(), is_labelled=False)
    assert (choice.texts, choice.label) == (("review",), "")


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("text", "a"),
        ("text,title", "a\nb"),
        ("text,none", "a"),
        ("meta.body", "c"),
        ("meta/body", "c"),
        ("meta.deep.er", "d"),
        ("with.dot", "e"),
        ("none", EMPTY_TEXT),
        ("meta.nothing", EMPTY_TEXT),
        ("number", NOT_A_ROW),
        ("text,number", NOT_A_ROW),
    ],
)
def test_texts_are_joined_and_nested_fields_reached(key, expected):
    values = {
        "text": "a",
        "title": "b",
        "meta": {"body": "c", "deep": {"er": "d"}},
        "with.dot": "e",
        "with": {"dot": "no"},
        "none": None,
        "number": 501,
        "label": 1,
    }
    choice = choose(*values, text_key=key)
    text = choice.text(Row("a.jsonl, line 3", "3", values))
    if isinstance(text, Fault):
        assert text.message.startswith("a.jsonl, line 3: `")
        text = text.cause
    assert text == expected


def test_an_error_suggests_columns_by_their_values():
    rows = [
        Row(
            "a", "1", {"id": str(n), "v1": "ham" if n % 2 else "spam", "v 2": x}
        )
        for n, x in enumerate(["a long text", "another one", "short", "last"])
    ]
    with pytest.raises(ValueError, match="--text_key='v 2' --label_key=v1"):
        columns.choose("x", ["id", "v1", "v 2"], Reading(), rows=lambda: rows)


def test_a_text_with_fields_is_answered_with_one_of_them():
    row = Row("a.jsonl, line 1", "1", {"review": {"body": "b", "by": 1}})
    fault = columns.Choice(("review",), "label").text(row)
    assert "--text_key=review.body" in fault.message
