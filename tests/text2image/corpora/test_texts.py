"""Labelled texts from files: literal, in order, or refused with their line."""

import numpy as np
import pytest

from text2image.corpora import examples, texts
from text2image.corpora.rows import Reading


def read(path, **keys):
    opened = texts.open_corpus(str(path), reading=Reading(**keys))
    return [
        (example.text, example.label)
        for part in opened.parts.values()
        for example in map(examples.usable, part())
    ]


def write(tmp_path, name, content):
    path = tmp_path / name
    if isinstance(content, str):
        content = content.encode()
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("text,label\ngood,pos\n", [("good", "pos")]),
        ("label,text\npos,good\n", [("good", "pos")]),
        ("text,label\ngood,pos", [("good", "pos")]),
        ("text,label\r\ngood,pos\r\n", [("good", "pos")]),
        ("\ufefftext,label\ngood,pos\n", [("good", "pos")]),
        ("id,text,label\n7,good,pos\n", [("good", "pos")]),
        ('text,label\n"a, b",pos\n', [("a, b", "pos")]),
        ('text,label\n"say ""no""",neg\n', [('say "no"', "neg")]),
        ('text,label\n"one\ntwo",neg\n', [("one\ntwo", "neg")]),
        ('text,label\n"one\r\ntwo",neg\n', [("one\r\ntwo", "neg")]),
        ("text,label\nNA,null\n", [("NA", "null")]),
        ("text,label\nnull,NA\n", [("null", "NA")]),
        ("text,label\nNone,nan\n", [("None", "nan")]),
        ("text,label\nnan,1.0\n", [("nan", "1.0")]),
        ("text,label\n007,01\n", [("007", "01")]),
        ("text,label\n  spaced  , pos \n", [("  spaced  ", "pos")]),
        ("text,label\nCafé 電影 😀,pos\n", [("Café 電影 😀", "pos")]),
        ("text,label\na\x85b\u2028c,pos\n", [("a\x85b\u2028c", "pos")]),
        ("text,label\na\x00b,pos\n", [("a\x00b", "pos")]),
    ],
)
def test_csv_is_read_literally(tmp_path, content, expected):
    assert read(write(tmp_path, "a.csv", content)) == expected


def test_tsv_splits_only_at_tabs(tmp_path):
    path = write(tmp_path, "a.tsv", 'text\tlabel\na, "b"\tpos\n')
    assert read(path) == [('a, "b"', "pos")]


def test_a_field_may_be_longer_than_the_csv_modules_limit(tmp_path):
    path = write(tmp_path, "a.csv", f"text,label\n{'x' * 200_000},pos\n")
    assert len(read(path)[0][0]) == 200_000


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
def test_text_and_label_keys_can_be_chosen(tmp_path, name):
    content = {
        "a.csv": "body,class\ngood,pos\n",
        "a.tsv": "body\tclass\ngood\tpos\n",
        "a.jsonl": '{"body": "good", "class": "pos"}\n',
    }[name]
    path = write(tmp_path, name, content)
    keys = {"text_key": "body", "label_key": "class"}
    assert read(path, **keys) == [("good", "pos")]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"text": "good", "label": "pos"}', ("good", "pos")),
        ('{"text": "NA", "label": "null"}', ("NA", "null")),
        ('{"text": "a\\nb \\"c\\"", "label": "pos"}', ('a\nb "c"', "pos")),
        ('{"text": "good", "label": 1}', ("good", "1")),
        ('{"text": "good", "label": 0, "more": [1]}', ("good", "0")),
        ('{"text": "\\ud83d\\ude00", "label": "pos"}', ("😀", "pos")),
        ('\ufeff{"text": "good", "label": "pos"}', ("good", "pos")),
        ('\n  \n{"text": "good", "label": "pos"}', ("good", "pos")),
    ],
)
def test_jsonl_is_read_literally(tmp_path, line, expected):
    assert read(write(tmp_path, "a.jsonl", line + "\n")) == [expected]


GOOD_CSV = b"text,label\ngood,pos\n"
GOOD_JSONL = b'{"text": "good", "label": "pos"}\n'


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", GOOD_CSV + b"caf\xe9,pos\n", "line 3: expected UTF-8.*0xe9"),
        ("a.csv", b"t\xe9xt,label\n", "line 1: expected UTF-8"),
        ("a.csv", GOOD_CSV + b"a\xed\xa0\x80b,pos\n", "line 3: expected UTF-8"),
        ("a.csv", GOOD_CSV + b",pos\n", "line 3: the text is empty"),
        ("a.csv", GOOD_CSV + b" \t ,pos\n", "line 3: the text is empty"),
        ("a.csv", GOOD_CSV + b"good,\n", "line 3: the label is empty"),
        ("a.csv", GOOD_CSV + b"good\n", "line 3: expected 2 fields"),
        ("a.csv", GOOD_CSV + b"good,pos,more\n", "line 3: expected 2 fields"),
        ("a.csv", GOOD_CSV + b"\n\n,pos\n", "line 5: the text is empty"),
        ("a.csv", b'text,"la\nbel",label\n,,a\n', "line 3: the text is"),
        ("a.csv", GOOD_CSV + b'"no end,pos\n', "line 3: not valid CSV"),
        ("a.csv", GOOD_CSV + b'"a" b,pos\n', "line 3: not valid CSV"),
        ("a.csv", b"", "line 1: expected a header"),
        (
            "a.csv",
            b'text,label\n"two\nlines",pos\n,pos\n',
            "line 4: the text is empty",
        ),
        (
            "a.csv",
            b'text,label\nfine,pos\n"two\nlin\xe9s",pos\n',
            "line 4: expected UTF-8",
        ),
        ("a.jsonl", GOOD_JSONL + b"{nope}\n", "line 2: expected one JSON"),
        ("a.jsonl", GOOD_JSONL + b'{"text": "a"\n', "line 2: expected one"),
        ("a.jsonl", GOOD_JSONL + b"[1]\n", "line 2: expected a JSON object"),
        ("a.jsonl", GOOD_JSONL + b"\xff\n", "line 2: expected UTF-8.*0xff"),
        (
            "a.jsonl",
            GOOD_JSONL + b'\n{"text": 3, "label": "pos"}\n',
            "line 3: `text` must be a string. Received: int",
        ),
        (
            "a.jsonl",
            b'{"text": null, "label": "pos"}\n',
            "line 1: `text` must be a string. Received: null",
        ),
        ("a.jsonl", b'{"text": "a", "label": 0.5}', "line 1: .*regression"),
        ("a.jsonl", b'{"text": "a", "label": ["b"]}', "line 1: .*multi-label"),
        ("a.jsonl", b'{"text": "", "label": 1}', "line 1: the text is empty"),
        ("a.jsonl", b'{"text": "a", "label": " "}', "line 1: the label is"),
        (
            "a.jsonl",
            GOOD_JSONL + b'{"text": "a \\ud83d b", "label": 1}\n',
            "line 2: the text contains a lone surrogate",
        ),
        (
            "a.jsonl",
            GOOD_JSONL + b'{"text": "a", "label": "\\udc00"}\n',
            "line 2: the label contains a lone surrogate",
        ),
        ("a.jsonl", GOOD_JSONL + b"[" * 100_000 + b"\n", "line 2: expected"),
    ],
)
def test_a_bad_line_is_named(tmp_path, name, content, message):
    path = write(tmp_path, name, content)
    with pytest.raises(ValueError, match=rf"a\.[a-z]+, {message}"):
        read(path)


def test_ids_are_unique_and_the_same_in_every_pass(tmp_path):
    path = write(
        tmp_path,
        "a.csv",
        'text,label\n"a\nb",x\na,x\na,y\n"c\n\nd",y\nlast,x\n',
    )
    opened = texts.open_corpus(str(path))
    first, again = ([e.id for e in opened.parts["train"]()] for _ in range(2))
    assert first == again
    assert len(set(first)) == 5


def test_a_part_can_be_read_again_from_its_start(tmp_path):
    opened = texts.open_corpus(str(write(tmp_path, "a.csv", GOOD_CSV)))
    part = opened.parts["train"]
    next(part())
    assert len(list(part())) == 1


def test_the_sha256_follows_the_content_and_not_the_file_name(tmp_path):
    one = texts.open_corpus(str(write(tmp_path, "a.csv", GOOD_CSV)))
    copy = texts.open_corpus(str(write(tmp_path, "b.csv", GOOD_CSV)))
    other = texts.open_corpus(str(write(tmp_path, "c.csv", GOOD_CSV + b"a,b")))
    assert one.sha256 == copy.sha256 != other.sha256
    assert (one.name, copy.name) == ("a", "b")


@pytest.mark.parametrize("name", ["none.csv", "none.tsv", "none.jsonl"])
def test_a_missing_file_is_named(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=name):
        texts.open_corpus(str(tmp_path / name))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"delimiter": "tab"}, "demo: --delimiter has no use"),
        ({"encoding": "cp1252"}, "demo: --encoding has no use"),
        ({"label_key": "stars"}, "demo: no 'stars' among 'text', 'label'"),
    ],
)
def test_flags_without_effect_on_the_demo_are_refused(flags, message):
    with pytest.raises(ValueError, match=message):
        texts.open_corpus("demo", reading=Reading(**flags))


def test_the_demo_has_two_balanced_parts():
    opened = texts.open_corpus(texts.DEMO)
    assert opened.label_names == ("neg", "pos")
    assert list(opened.parts) == ["train", "validation"]
    for part in opened.parts.values():
        labels = [example.label for example in part()]
        assert set(labels) == {"neg", "pos"}
        assert 0.4 < np.mean([label == "pos" for label in labels]) < 0.6
    ids = [e.id for part in opened.parts.values() for e in part()]
    assert len(set(ids)) == len(ids)


def test_guesses_are_logged_and_part_of_what_identifies_the_records(
    tmp_path, caplog
):
    path = write(tmp_path, "a.csv", "review;sentiment\ngood;pos\n")
    with caplog.at_level("INFO", "absl"):
        opened = texts.open_corpus(str(path))
    assert "delimiter semicolon" in caplog.text
    assert "column 'review'; overrule with --text_key" in caplog.text
    assert opened.reading == {
        "text_key": "review",
        "label_key": "sentiment",
        "format": {"delimiter": ";", "quoting": "double"},
    }


def test_a_usual_file_is_identified_as_before(tmp_path):
    opened = texts.open_corpus(str(write(tmp_path, "a.csv", GOOD_CSV)))
    assert opened.reading == {"text_key": "text", "label_key": "label"}


def test_a_file_without_rows_is_named(tmp_path):
    path = write(tmp_path, "a.csv", "text,label\n")
    with pytest.raises(ValueError, match=r"a\.csv: expected rows after the"):
        read(path)


@pytest.mark.parametrize(
    "name", ["评论 отзывы.csv", "a%20b#[x]?*.csv", "-dash.csv", ".hidden.csv"]
)
def test_file_names_may_be_odd(tmp_path, name):
    assert read(write(tmp_path, name, GOOD_CSV)) == [("good", "pos")]
