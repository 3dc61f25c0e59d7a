"""Parquet, Arrow and Feather files, written by pyarrow."""

import json

import pyarrow
import pytest
from pyarrow import feather, parquet

from tests.support.row_files import guesses, read, write
from text2image.corpora import row_sources, texts
from text2image.corpora.rows import NOT_A_ROW, NOT_DECODABLE, Reading

TEXTS = [f'film "{number}"\n é' for number in range(3000)]
LABELS = [number % 3 - 1 for number in range(3000)]
NAMES = ["neg", "pos"]
EXPECTED = [
    (text, None if label < 0 else NAMES[label])
    for text, label in zip(TEXTS, LABELS, strict=True)
]


def hugging_face_table():
    """A table as `datasets` writes it: names of classes in the metadata."""
    features = {
        "text": {"dtype": "string", "_type": "Value"},
        "label": {"names": NAMES, "_type": "ClassLabel"},
    }
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    table = pyarrow.table({"text": TEXTS, "label": LABELS})
    return table.replace_schema_metadata(metadata)


def write_stream(table, path):
    with (
        pyarrow.OSFile(str(path), "wb") as file,
        pyarrow.ipc.new_stream(file, table.schema) as writer,
    ):
        writer.write_table(table, max_chunksize=1300)


def write_file(table, path):
    with (
        pyarrow.OSFile(str(path), "wb") as file,
        pyarrow.ipc.new_file(file, table.schema) as writer,
    ):
        writer.write_table(table, max_chunksize=1300)


WRITERS = {
    "a.parquet": parquet.write_table,
    "a.PARQUET": parquet.write_table,
    "stream.arrow": write_stream,
    "file.arrow": write_file,
    "a.feather": feather.write_feather,
}


@pytest.mark.parametrize("name", WRITERS)
def test_classes_have_their_names_and_minus_one_is_no_label(tmp_path, name):
    WRITERS[name](hugging_face_table(), tmp_path / name)
    assert read(tmp_path / name) == EXPECTED
    source = row_sources.open_rows(str(tmp_path / name))
    assert source.class_names == {"label": ("neg", "pos")}
    rows = list(source.parts["train"]())
    assert [row.key for row in rows] == [str(n) for n in range(1, 3001)]
    assert rows[11].place.endswith(f"{name}, row 12")
    assert "2 named classes" in guesses(tmp_path / name)


def test_names_of_classes_are_those_of_the_label_alone(tmp_path):
    path = tmp_path / "a.parquet"
    table = hugging_face_table()
    parquet.write_table(table.append_column("stars", table["label"]), path)
    for key, names in (("label", ("neg", "pos")), ("stars", None)):
        corpus = texts.open_corpus(str(path), reading=Reading(label_key=key))
        assert corpus.label_names == names


@pytest.mark.parametrize("name", WRITERS)
def test_plain_columns_keep_their_values(tmp_path, name):
    table = pyarrow.table(
        {
            "text": pyarrow.array(["a", None], pyarrow.large_string()),
            "label": pyarrow.array(["x", None]).dictionary_encode(),
            "meta": [{"stars": 5}, None],
        }
    )
    WRITERS[name](table, tmp_path / name)
    source = row_sources.open_rows(str(tmp_path / name))
    assert source.columns == ("text", "label", "meta")
    assert [dict(row.values) for row in source.parts["train"]()] == [
        {"text": "a", "label": "x", "meta": {"stars": 5}},
        {"text": None, "label": None, "meta": None},
    ]
    assert read(tmp_path / name, label_key="meta.stars")[0] == ("a", 5)


def test_texts_as_bytes_are_decoded(tmp_path):
    table = pyarrow.table({"text": ["é".encode(), b"\xe9"], "label": [1, 0]})
    parquet.write_table(table, tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet") == [("é", 1), NOT_DECODABLE]


def test_a_label_without_a_name_is_a_fault(tmp_path):
    table = hugging_face_table()
    bad = pyarrow.table({"text": ["a"], "label": [7]})
    bad = bad.replace_schema_metadata(table.schema.metadata)
    parquet.write_table(bad, tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet") == [NOT_A_ROW]


@pytest.mark.parametrize("name", ["a.parquet", "file.arrow", "stream.arrow"])
def test_a_damaged_file_is_named(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](hugging_face_table(), path)
    content = path.read_bytes()
    for damaged in (content[: len(content) // 2], content[:3], b""):
        write(path, damaged)
        with pytest.raises(ValueError, match=rf"{name}.*cannot be read"):
            read(path)


def test_flags_of_text_are_refused(tmp_path):
    parquet.write_table(hugging_face_table(), tmp_path / "a.parquet")
    for flags in ({"delimiter": ";"}, {"encoding": "cp1252"}):
        with pytest.raises(ValueError, match="has no use"):
            read(tmp_path / "a.parquet", **flags)
