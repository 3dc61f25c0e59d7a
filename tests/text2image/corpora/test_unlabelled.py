"""Texts without labels from every kind of file."""

import gzip
import io

import pytest

from tests.support.row_files import write
from text2image.corpora import unlabelled
from text2image.corpora.rows import Reading


def read(path, **keywords):
    return [
        (t.id, t.text)
        for t in unlabelled.read_texts(str(path), reading=Reading(**keywords))
    ]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "a.txt",
            b"one\r\n\ntwo, three",
            [(1, "one"), (2, ""), (3, "two, three")],
        ),
        (
            "a.csv",
            b'\xef\xbb\xbftext,n\n"a\nb",1\nNA,2\n',
            [(2, "a\nb"), (4, "NA")],
        ),
        ("a.tsv", b"n\ttext\n1\ta,b\n", [(2, "a,b")]),
        (
            "a.jsonl",
            b'{"text": "a\\nb", "n": 1}\n\n{"text": ""}\n',
            [(1, "a\nb"), (3, "")],
        ),
        ("a.txt", b"", []),
        ("a.jsonl", b"", []),
        ("a.csv", b"text\n", []),
    ],
)
def test_a_file_gives_its_texts_with_their_line_numbers(
    tmp_path, name, content, expected
):
    (tmp_path / name).write_bytes(content)
    assert read(tmp_path / name) == expected


def test_the_text_key_chooses_the_column(tmp_path):
    (tmp_path / "a.csv").write_text("text,review\nno,yes\n")
    assert read(tmp_path / "a.csv", text_key="review") == [(2, "yes")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"one\nt\xffwo", r"a\.txt, line 2: expected UTF-8.*0xff"),
        ("a.csv", b"", r"line 1: expected a header.*empty file"),
        ("a.csv", b"stars\na\n", r"'stars'.*--text_key=stars"),
        ("a.csv", b"text,n\na\n", r"line 2: expected 2 fields. Received: 1"),
        ("a.csv", b'text\n"a', r"line 2: not valid CSV"),
        (
            "a.jsonl",
            b"{}\n",
            r"expected rows. Received: objects without keys",
        ),
        (
            "a.jsonl",
            b'{"text": "a"}\n{"text": 1}',
            r"line 2: `text` must be a string",
        ),
        ("a.jsonl", b"[1]\n", r"item 1 \(line 1\): expected a JSON object"),
        ("a.jsonl", b"{", r"line 1: expected one JSON object"),
        ("a.parquet", b"", r"a\.parquet: expected a whole .parquet file"),
    ],
)
def test_a_faulty_file_is_refused_with_its_line(
    tmp_path, name, content, message
):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read(tmp_path / name)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.txt"):
        read(tmp_path / "nowhere.txt")


def test_standard_input_has_one_text_per_line(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO("é\nb".encode()))
    monkeypatch.setattr("sys.stdin", stream)
    assert read("-") == [(1, "é"), (2, "b")]


def test_a_file_is_streamed_line_by_line(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\n" + b"\xff\n")
    stream = unlabelled.read_texts(str(path))
    assert next(stream).text == "one"  # the second line is not read yet


def test_whatever_a_training_reads_is_read(tmp_path):
    write(tmp_path / "a.CSV", "Review;stars\nfine;3\n")
    write(tmp_path / "b.json", '[{"text": "a"},\n {"text": "b"}]')
    write(tmp_path / "c.csv.gz", gzip.compress(b"text\nx\n"))
    write(tmp_path / "d.TXT", "one\r\ntwo", "utf-16")
    write(tmp_path / "e.txt", "__label__pos good film\n")
    assert read(tmp_path / "a.CSV") == [(2, "fine")]
    assert read(tmp_path / "b.json") == [(1, "a"), (2, "b")]
    assert read(tmp_path / "c.csv.gz") == [(2, "x")]
    assert read(tmp_path / "d.TXT") == [(1, "one"), (2, "two")]
    assert read(tmp_path / "e.txt") == [(1, "good film")]


def test_flags_say_how_a_file_is_read(tmp_path):
    path = write(tmp_path / "a.txt", "1|café\n2|thé\n", "cp1252")
    flags = {"encoding": "cp1252", "delimiter": "pipe", "columns": "n,text"}
    assert read(path, **flags) == [(1, "café"), (2, "thé")]
    assert read(path, encoding="cp1252")[0] == (1, "1|café")


def test_the_parts_of_a_folder_follow_each_other(tmp_path):
    write(tmp_path / "train.csv", "text\na\nb\n")
    write(tmp_path / "test.csv", "text\nc\n")
    assert read(tmp_path) == [(1, "a"), (2, "b"), (3, "c")]
    texts = unlabelled.read_texts(str(tmp_path), part="test")
    assert [text.text for text in texts] == ["c"]
    with pytest.raises(ValueError, match=r"--part.*'train', 'test'"):
        next(unlabelled.read_texts(str(tmp_path), part="dev"))


def test_standard_input_may_be_in_another_encoding(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO("é\nb".encode("utf-16")))
    monkeypatch.setattr("sys.stdin", stream)
    assert read("-") == [(1, "é"), (2, "b")]
    stream = io.TextIOWrapper(io.BytesIO("é\nb".encode("cp1252")))
    monkeypatch.setattr("sys.stdin", stream)
    assert read("-", encoding="cp1252") == [(1, "é"), (2, "b")]
