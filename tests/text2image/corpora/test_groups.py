"""The column of groups, from every kind of row."""

import json

import numpy as np
import pytest

from text2image.corpora import groups
from text2image.corpora.rows import Row, RowSource
from text2image.corpora.texts import open_corpus

VALUES = ("north ", "south", "", "north", None, 7, 7.0, True)


def read(path, key, ids):
    return groups.read_groups(*groups.open_column(str(path), key), ids)


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(
        "\n".join(
            json.dumps(
                {"text": f"text {number}", "label": "ab"[number % 2]}
                | {"Place": value, "more": {"side": number}}
            )
            for number, value in enumerate(VALUES)
        )
    )
    return path


def test_ids_are_those_of_the_corpus_and_values_are_names(rows):
    (part,) = open_corpus(str(rows)).parts.values()
    ids = [example.id for example in part()]
    found = read(rows, "place", ids)
    assert list(found) == ids
    assert [*found.values()] == [
        *("north", "south", "", "north", "", "7", "7", "true")
    ]
    assert read(rows, "more.side", ids[2:3]) == {ids[2]: "2"}


def test_a_folder_has_a_column_in_every_part(tmp_path):
    for part, place in (("train", "x"), ("test", "y")):
        lines = "text,label,place\n" + f"some text,a,{place}\n" * 2
        (tmp_path / f"{part}.csv").write_text(lines)
    parts = open_corpus(str(tmp_path)).parts
    ids = {part: [e.id for e in read()] for part, read in parts.items()}
    found = read(tmp_path, "place", [*ids["train"], *ids["test"]])
    assert {found[key] for key in ids["train"]} == {"x"}
    assert {found[key] for key in ids["test"]} == {"y"}


def test_numbers_of_numpy_are_names(rows):
    values = {"1": np.int32(3), "2": np.float32(0.5), "3": np.bool_(True)}
    source = RowSource(
        "tfds",
        {"train": lambda: (Row(k, k, {"g": v}) for k, v in values.items())},
        ("g",),
        str,
    )
    found = groups.read_groups(source, "g", values)
    assert found == {"1": "3", "2": "0.5", "3": "true"}


def test_a_column_that_is_not_there_is_refused(rows, tmp_path):
    with pytest.raises(ValueError, match=r"no 'gender' among .*--group_key"):
        groups.open_column(str(rows), "gender")
    with pytest.raises(ValueError, match="has texts and labels alone"):
        groups.open_column("demo", "gender")
    with pytest.raises(ValueError, match=r"`more` must be one value.*dict"):
        read(rows, "more", ["1"])
    with pytest.raises(ValueError, match=r"1 of 2 examples .* no rows.*'x'"):
        read(rows, "place", ["1", "x"])
