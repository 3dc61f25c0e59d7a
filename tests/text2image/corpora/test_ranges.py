"""Ranges give, one after the other, exactly what a corpus's stream gives."""

import contextlib
import dataclasses
import functools
import gzip
import json
import tracemalloc

import pyarrow
import pytest
import tensorflow_datasets as tfds
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyarrow import feather, parquet

from tests.support.row_files import write
from tests.text2image.corpora.test_tfds_datasets import written
from text2image.corpora import ranges, texts
from text2image.corpora.examples import Example
from text2image.corpora.rows import Reading

CSV = (
    'text,label\nplain,pos\n"two\nlines, ""quoted""",neg\n\n"",pos\n'
    'too,many,fields\nfew\n"bad" quote,pos\n'
    '"a\n\n\nb",pos\n   ,neg\n"stray,neg\nlast"x,pos\né,pos\nend,neg'
)
JSONL = (
    '{"text": "a", "label": "x"}\n\n{"text": 1}\nnot json\n[1]\n'
    '{"text": "b\\nc", "label": "y"}\n{"text": "", "label": "x"}\n'
    '{"text": "c", "label": null}\n  \n{"text": "é", "label": "y"},\n'
    '{"text": "\ufeffd", "label": "x"}\n{"text": "e", "label": "y"}'
)
TSV = 'text\tlabel\nsay "no\tpos\n"yes\tneg\n\nlong\r text\tpos\nfew\nz\tneg\n'
FASTTEXT = "\n__label__a one\n__label__b two\nthree\n\n__label__a é"


def table(count=23):
    return pyarrow.table(
        {
            "text": [f"t {n}" if n % 7 else "" for n in range(count)],
            "label": [
                None if n % 5 == 4 else "ab"[n % 2] for n in range(count)
            ],
        }
    )


def arrow(path, opened, new=pyarrow.ipc.new_file):
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        pyarrow.OSFile(str(path), "wb") as file,
        new(file, opened.schema) as writer,
    ):
        writer.write_table(opened, max_chunksize=4)
    return path


def table_folder(path):
    write(path / "train-00000-of-00002.csv", CSV)
    write(path / "train-00001-of-00002.csv", "text,label\nx,pos\ny,neg\n")
    write(path / "test.jsonl", JSONL)
    write(path / "unsupervised-00000-of-00001.jsonl", JSONL)
    return path


def text_folder(path):
    for part, labels in (("train", "abc"), ("test", "ab")):
        for label in labels:
            for number in range(5):
                name = f"{part}/{label}/{number}.txt"
                write(path / name, f"{name} text", "utf-8")
    write(path / "train/b/bad.txt", b"caf\xe9")
    write(path / "train/unsup/1.txt", "open")
    return path


def tfds_dataset(path):
    return written(
        path,
        "sized",
        {
            "text": tfds.features.Text(),
            "label": tfds.features.ClassLabel(names=["neg", "pos"]),
        },
        {
            name: [
                {"text": f"{name} {n}" if n % 7 else "", "label": n % 3 - 1}
                for n in range(count)
            ]
            for name, count in (("train", 23), ("test", 5))
        },
    )


def parquet_file(path):
    parquet.write_table(table(), path / "a.parquet", row_group_size=4)
    return path / "a.parquet"


def feather_file(path):
    feather.write_feather(
        table(), path / "a.feather", compression="lz4", chunksize=4
    )
    return path / "a.feather"


def file(name, content, encoding="utf-8"):
    return lambda path: write(path / name, content, encoding)


# Name to what makes the corpus, its flags, and the least number of ranges of
# one row each (of nine in TFDS); 1 for those that are not cut.
CORPORA = {
    "csv": (file("a.csv", CSV), {}, 4),
    "csv with CR LF": (file("a.csv", CSV.replace("\n", "\r\n")), {}, 4),
    "csv with a mark": (file("a.csv", "\ufeff" + CSV), {}, 4),
    "csv after blank lines": (file("a.csv", "\n\n\n" + CSV), {}, 4),
    "csv of Excel": (file("a.csv", "sep=,\n" + CSV), {}, 4),
    "csv without a header": (
        file("a.csv", CSV.partition("\n")[2]),
        {"columns": "text,label"},
        4,
    ),
    "csv in cp1252": (
        file("a.csv", CSV, "cp1252"),
        {"encoding": "cp1252"},
        4,
    ),
    "csv with bytes that are not UTF-8": (
        file("a.csv", CSV.encode().replace(b"\xc3\xa9", b'\xe9"\xe9')),
        {},
        4,
    ),
    "csv with backslashes": (
        file("a.csv", CSV.replace('""', '\\"')),
        {"quoting": "backslash"},
        4,
    ),
    "csv with semicolons": (
        file("a.csv", CSV.replace(",", ";")),
        {"delimiter": "semicolon"},
        4,
    ),
    "csv of one line": (file("a.csv", "text,label\n"), {}, 1),
    "tsv": (file("a.tsv", TSV), {"quoting": "none"}, 4),
    "json lines": (file("a.jsonl", JSONL), {}, 6),
    "json lines with bytes that are not UTF-8": (
        file("a.jsonl", JSONL.encode().replace(b"\xc3\xa9", b"\xe9")),
        {},
        6,
    ),
    "fastText": (file("a.txt", FASTTEXT), {}, 3),
    "parquet": (parquet_file, {}, 6),
    "arrow file": (lambda path: arrow(path / "a.arrow", table()), {}, 6),
    "feather": (feather_file, {}, 6),
    "folder of texts": (text_folder, {}, 27),
    "folder of tables": (table_folder, {}, 11),
    "tfds": (tfds_dataset, {}, 4),
    "slices of tfds": (
        tfds_dataset,
        {
            "train_split": "train[:5]+train[10:]",
            "validation_split": "train[5:10]",
        },
        5,
    ),
    "arrow stream": (
        lambda path: arrow(path / "a.arrow", table(), pyarrow.ipc.new_stream),
        {},
        6,
    ),
    "arrow stream with dictionaries": (
        lambda path: arrow(
            path / "a.arrow",
            pyarrow.table(
                {
                    "text": table()["text"],
                    "label": table()["label"].dictionary_encode(),
                }
            ),
            pyarrow.ipc.new_stream,
        ),
        {},
        1,
    ),
    "empty arrow stream": (
        lambda path: arrow(path / "a.arrow", table(0), pyarrow.ipc.new_stream),
        {},
        1,
    ),
    "empty arrow file": (
        lambda path: arrow(path / "a.arrow", table(0)),
        {},
        1,
    ),
    "json array": (
        file("a.json", '[{"text": "a", "label": 1}, {"text": 2, "label": 1}]'),
        {},
        1,
    ),
    "compressed csv": (file("a.csv.gz", gzip.compress(CSV.encode())), {}, 1),
    "utf-16": (file("a.csv", CSV, "utf-16"), {}, 1),
    "CR alone": (file("a.csv", "text,label\ra,x\rb,y\r"), {}, 1),
    "demo": (lambda path: "demo", {}, 2),
}


def whole(dataset, reading):
    """Part to all items; the parts that are not empty."""
    opened = texts.open_corpus(dataset, reading=reading)
    items = {}
    for part, read in opened.parts.items():
        with contextlib.suppress(ValueError):  # a part without rows
            items[part] = list(read())
    return items


def in_ranges(dataset, reading, rows):
    """Part to all items, and the ranges after a journey as JSON."""
    pieces = ranges.cut(dataset, None, reading, rows)
    counts = [ranges.count(dataset, None, reading, p) for p in pieces]
    pieces = [
        ranges.Range.from_json(json.loads(json.dumps(dataclasses.asdict(p))))
        for p in ranges.number(pieces, counts)
    ]
    items = {}
    for piece in pieces:
        items.setdefault(piece.part, []).extend(
            ranges.read(dataset, None, reading, piece)
        )
    return {part: found for part, found in items.items() if found}, pieces


@pytest.mark.parametrize("name", CORPORA)
def test_ranges_give_the_rows_of_the_stream_whatever_their_size(tmp_path, name):
    make, flags, least = CORPORA[name]
    dataset, reading = str(make(tmp_path)), Reading(**flags)
    expected = whole(dataset, reading)
    # TFDS takes long to open a slice.
    for rows in (9,) if "tfds" in name else (1, 2, 3, 5, 8, 1000):
        found, pieces = in_ranges(dataset, reading, rows)
        assert found == expected, rows
        assert list(found) == list(expected)
        if rows in (1, 9):
            assert len(pieces) == least if least == 1 else len(pieces) >= least
            least = 0


@settings(max_examples=150, deadline=None)
@given(
    content=st.text('",\n\\ax\r', min_size=1, max_size=80),
    quoting=st.sampled_from(["double", "backslash", "none"]),
    rows=st.integers(1, 4),
    is_headed=st.booleans(),
)
def test_any_quotes_are_cut_exactly(
    tmp_path_factory, content, quoting, rows, is_headed
):
    path = tmp_path_factory.mktemp("quotes") / "a.csv"
    write(path, ("text,label\n" if is_headed else "") + content)
    reading = Reading(
        delimiter="comma",
        quoting=quoting,
        columns="" if is_headed else "text,label",
    )
    try:
        expected = whole(str(path), reading)
    except ValueError:
        assume(False)
    assert in_ranges(str(path), reading, rows)[0] == expected


@functools.cache
def lines(count):
    return "".join(
        json.dumps({"text": "x" * (n % 50), "label": n % 2}) + "\n"
        for n in range(count)
    )


@pytest.mark.parametrize("rows", [100, 128, 1000])
def test_a_range_has_about_the_rows_that_it_aims_at(tmp_path, rows):
    path = str(write(tmp_path / "a.jsonl", lines(4000)))
    pieces = ranges.cut(path, None, Reading(), rows)
    counts = [ranges.count(path, None, Reading(), p).size for p in pieces]
    assert sum(counts) == 4000
    assert max(counts) <= 1.1 * rows
    assert min(counts) >= 0.9 * rows


def test_an_example_is_found_by_its_row(tmp_path):
    path = str(write(tmp_path / "a.jsonl", lines(60)))
    pieces = ranges.cut(path, None, Reading(), 20)
    pieces = ranges.number(
        pieces, [ranges.count(path, None, Reading(), p) for p in pieces]
    )
    first = pieces[1].span.first
    example = ranges.example_at(path, None, Reading(), pieces[1], 3)
    text = "x" * ((first + 2) % 50)
    assert example == Example(str(first + 3), text, str((first + 2) % 2))


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_memory_is_that_of_a_range_whatever_the_size_of_the_file(
    tmp_path, suffix
):
    peaks = []
    for number in (1, 4):
        path = tmp_path / f"{number}{suffix}"
        row = json.dumps({"text": "x y " * 200, "label": "a"})
        if suffix == ".csv":
            row = f'"{"x y " * 100}\n{"x y " * 100}",a'
        write(path, "text,label\n" * (suffix == ".csv"))
        with path.open("a") as file:
            file.writelines(row + "\n" for _ in range(4000 * number))
        tracemalloc.start()
        pieces = ranges.cut(str(path), None, Reading(), 200)
        assert len(pieces) == pytest.approx(20 * number, rel=0.1)
        counts = [ranges.count(str(path), None, Reading(), p) for p in pieces]
        piece = ranges.number(pieces, counts)[len(pieces) // 2]
        for item in ranges.read(str(path), None, Reading(), piece):
            assert isinstance(item, Example)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]
