"""Folders: parts by the names of files, classes by those of folders."""

import json

import pytest

from tests.support.row_files import guesses, read, write
from tests.text2image.corpora.test_arrow_files import (
    EXPECTED,
    hugging_face_table,
    write_stream,
)
from text2image.corpora import part_names, row_sources, texts
from text2image.corpora.rows import Reading, Row


def parts(directory, **flags):
    """Part to keys of its rows."""
    source = row_sources.open_rows(str(directory), Reading(**flags))
    return {
        part: [row.key for row in read() if isinstance(row, Row)]
        for part, read in source.parts.items()
    }


TABLE = "text,label\ngood,pos\nbad,neg\n"


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("train.csv", "train"),
        ("my_train_set.csv", "train"),
        ("training.tsv", "train"),
        ("Dev.csv", "validation"),
        ("val-1.csv", "validation"),
        ("valid.jsonl", "validation"),
        ("imdb-test.parquet", "test"),
        ("evaluation.csv", "test"),
        ("train-00000-of-00001.parquet", "train"),
        ("unsupervised-00000-of-00001.parquet", "unsupervised"),
        ("trained.csv", None),
        ("latest.csv", None),
        ("train_test.csv", None),
    ],
)
def test_a_name_says_the_part(name, part):
    assert part_names.part_of(name) == part


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["test.csv", "train.csv"], ["train", "test"]),
        (["data/dev.csv", "data/train.csv"], ["train", "validation"]),
        (["train/a.csv", "test/b.csv"], ["train", "test"]),
        (["train-00000-of-00002.csv", "train-00001-of-00002.csv"], ["train"]),
        (["train/part-0.csv", "train/part-1.csv"], ["train"]),
        (["only.csv"], ["train"]),
        (["x/only.csv", ".cache/other.csv", "README.md"], ["train"]),
        (["data-00000-of-00002.csv", "data-00001-of-00002.csv"], ["train"]),
        (
            ["x-train-00000-of-00001.csv", "x-dev-00000-of-00001.csv"],
            ["train", "validation"],
        ),
    ],
)
def test_a_folder_of_tables_has_its_parts_in_order(tmp_path, names, expected):
    for name in names:
        write(tmp_path / name, TABLE)
    found = parts(tmp_path)
    assert list(found) == expected
    keys = [key for keys in found.values() for key in keys]
    tables = [n for n in names if n.endswith("csv") and n[0] != "."]
    assert sorted(keys) == sorted(f"{n}:{i}" for n in tables for i in (2, 3))


def test_mixed_suffixes_and_compression_are_fine(tmp_path):
    write(tmp_path / "train.csv", TABLE)
    write(tmp_path / "test.jsonl", '{"text": "a", "label": "pos"}\n')
    assert read(tmp_path) == [("good", "pos"), ("bad", "neg"), ("a", "pos")]


def test_other_tables_are_said_to_be_left_out(tmp_path):
    for name in ("train.csv", "test.csv", "sample_submission.csv"):
        write(tmp_path / name, TABLE)
    said = guesses(tmp_path)
    assert "train from train.csv, test from test.csv" in said
    assert "left out: 1 other tables ('sample_submission.csv')" in said


@pytest.mark.parametrize(
    "names",
    [
        ["a.csv", "b.csv"],
        ["train.csv", "train_small.csv"],
        ["val.csv", "dev.csv", "train.csv"],
        ["en/train.csv", "de/train.csv"],
        ["train.csv", "train.parquet"],
        ["train_a-00000-of-00001.csv", "train_b-00000-of-00001.csv"],
    ],
)
def test_a_folder_that_is_not_clear_is_refused_with_all_names(tmp_path, names):
    for name in names:
        write(tmp_path / name, TABLE)
    with pytest.raises(ValueError, match="--dataset") as caught:
        parts(tmp_path)
    for name in names[: len(names) - ("train.csv" in names[2:])]:
        assert repr(name.split("-0")[0])[:-1] in str(caught.value)


def test_the_hash_of_a_folder_follows_names_and_contents(tmp_path):
    def sha256(**files):
        directory = tmp_path / str(len(list(tmp_path.iterdir())))
        for name, content in files.items():
            write(directory / f"{name}.csv", content)
        return row_sources.open_rows(str(directory)).sha256

    other = TABLE + "more,pos\n"
    assert sha256(train=TABLE, test=other) == sha256(train=TABLE, test=other)
    assert sha256(train=TABLE, test=other) != sha256(train=other, test=TABLE)


def test_columns_that_are_spelled_otherwise_are_refused(tmp_path):
    write(tmp_path / "train.csv", TABLE)
    write(tmp_path / "test.csv", TABLE.replace("label", "Label"))
    with pytest.raises(ValueError, match=r"test.csv: .* 'label', .* 'Label'"):
        parts(tmp_path)


def test_a_part_without_rows_is_named(tmp_path):
    write(tmp_path / "train.csv", TABLE)
    write(tmp_path / "test.csv", "text,label\n")
    corpus = texts.open_corpus(str(tmp_path))
    with pytest.raises(ValueError, match="expected rows in test"):
        list(corpus.parts["test"]())


def test_parts_that_no_split_may_use_are_named(tmp_path):
    for name in ("x", "y"):
        write(tmp_path / f"{name}-00000-of-00001.csv", TABLE)
    with pytest.raises(ValueError, match=r"part named train.*Received: x, y"):
        texts.open_corpus(str(tmp_path))


def save(directory):
    """Writes what `datasets` does with `save_to_disk`."""
    directory.mkdir(parents=True)
    write_stream(hugging_face_table(), directory / "data-0.arrow")
    write(directory / "dataset_info.json", "{}")
    files = [{"filename": "data-0.arrow"}]
    write(directory / "state.json", json.dumps({"_data_files": files}))


@pytest.mark.parametrize(
    ("splits", "expected"),
    [
        (("train", "train_gen", "test"), ["train", "test", "train_gen"]),
        (("my_train", "my_test"), ["train", "test"]),
        (("train_sft", "train_gen", "test"), None),
    ],
)
def test_no_saved_split_hides_another(tmp_path, splits, expected):
    for split in splits:
        save(tmp_path / split)
    stated = json.dumps({"splits": splits})
    write(tmp_path / "dataset_dict.json", stated)
    if expected is None:
        with pytest.raises(ValueError, match="'train_sft', 'train_gen'"):
            parts(tmp_path)
    else:
        assert sorted(parts(tmp_path)) == sorted(expected)


def test_what_datasets_saves_to_disk_is_read(tmp_path):
    save(tmp_path / "one")
    assert row_sources.is_path(str(tmp_path / "one"))
    assert read(tmp_path / "one") == EXPECTED
    for split in ("train", "validation", "unsupervised"):
        save(tmp_path / "several" / split)
    write(
        tmp_path / "several" / "dataset_dict.json",
        '{"splits": ["train", "validation", "unsupervised"]}',
    )
    source = row_sources.open_rows(str(tmp_path / "several"))
    assert list(source.parts) == ["train", "validation", "unsupervised"]
    assert source.class_names == {"label": ("neg", "pos")}
    corpus = texts.open_corpus(str(tmp_path / "several"))
    assert list(corpus.parts) == ["train", "validation"]


def test_a_prepared_tfds_directory_is_left_to_tfds(tmp_path):
    write(tmp_path / "1.0.0" / "dataset_info.json", "{}")
    write(tmp_path / "1.0.0" / "features.json", "{}")
    assert not row_sources.is_path(str(tmp_path))


# --- A text per file ---------------------------------------------------------


def test_folders_of_texts_are_classes(tmp_path):
    for name in ("pos/2.txt", "pos/10.txt", "neg/1.TXT", "neg/notes.md"):
        write(tmp_path / name, f"text of {name}\n")
    assert read(tmp_path) == [
        ("text of neg/1.TXT\n", "neg"),
        ("text of pos/10.txt\n", "pos"),
        ("text of pos/2.txt\n", "pos"),
    ]
    assert parts(tmp_path) == {
        "train": ["neg/1.TXT", "pos/10.txt", "pos/2.txt"]
    }


def test_the_layout_of_the_large_movie_reviews_is_read(tmp_path):
    for name in ("test/pos/0.txt", "train/neg/0.txt", "train/unsup/0.txt"):
        write(tmp_path / name, "x")
    write(tmp_path / "train/urls_pos.txt", "no text")
    write(tmp_path / "imdb.vocab", "the")
    assert parts(tmp_path) == {
        "train": ["train/neg/0.txt", "train/unsup/0.txt"],
        "test": ["test/pos/0.txt"],
    }
    assert read(tmp_path) == [("x", "neg"), ("x", None), ("x", "pos")]
    assert "no label: the texts in ['unsup']" in guesses(tmp_path)


@pytest.mark.parametrize("name", ["c/1.txt", "c/old/1.txt", "train/c/1.txt"])
def test_texts_in_folders_of_a_class_are_refused(tmp_path, name):
    for kind in ("a", "b"):
        write(tmp_path / kind / "1.txt", "x")
    write(tmp_path / name, "x")
    (tmp_path / name.split("/")[0] / "empty").mkdir()
    with pytest.raises(ValueError, match="Received: texts and folders"):
        parts(tmp_path)


def test_flags_of_tables_are_refused_for_folders_of_texts(tmp_path):
    write(tmp_path / "a/1.txt", "x")
    with pytest.raises(ValueError, match="--columns has no use"):
        parts(tmp_path, columns="a,b")


def test_a_text_in_another_encoding_names_its_file_and_the_flag(tmp_path):
    write(tmp_path / "pos/1.txt", "un café très bon à Paris", "cp1252")
    write(tmp_path / "neg/1.txt", "x")
    fault = list(row_sources.open_rows(str(tmp_path)).parts["train"]())[1]
    assert "pos/1.txt, line 1: expected UTF-8" in fault.message
    assert "--encoding=cp1252" in fault.message
    assert read(tmp_path, encoding="cp1252")[1][0] == "un café très bon à Paris"


def test_texts_in_utf16_are_told_file_by_file(tmp_path):
    for number, encoding in enumerate(("utf-8", "utf-16", "utf-16-le")):
        write(tmp_path / f"a/{number}.txt", "A gripping film, é", encoding)
    assert read(tmp_path) == [("A gripping film, é", "a")] * 3


def test_a_folder_of_something_else_is_refused_with_what_it_has(tmp_path):
    write(tmp_path / "notes.md", "x")
    with pytest.raises(ValueError, match=r"1 entries \('notes.md'\)"):
        row_sources.open_rows(str(tmp_path))
