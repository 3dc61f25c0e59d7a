"""JSON in every shape, against the json module; in bounded memory."""

import json
import random
import tracemalloc

import pytest

from tests.support.row_files import guesses, read, write
from text2image.corpora import json_stream
from text2image.corpora.rows import NOT_A_ROW

ROWS = [
    {"text": 'a "quoted" [text], {ok}\n', "label": "pos", "more": [1, {}]},
    {"text": "电影 😀 \\", "label": 1.5e3, "more": None},
    {"text": "", "label": False},
]
EXPECTED = [(row["text"], row["label"]) for row in ROWS]


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


SHAPES = {
    "lines": lines(ROWS),
    "array": json.dumps(ROWS),
    "pretty array": json.dumps(ROWS, indent=2, ensure_ascii=False),
    "blank before": "\n \n" + json.dumps(ROWS),
    "pretty objects": "\n".join(json.dumps(row, indent=2) for row in ROWS),
    "one list": json.dumps({"version": 1, "data": ROWS, "tags": ["a"]}),
    "one pretty list": json.dumps({"data": ROWS, "x": {"y": []}}, indent=1),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.ndjson", "a.JSONL"])
def test_every_shape_is_read_whatever_the_suffix(tmp_path, shape, name):
    path = write(tmp_path / name, SHAPES[shape])
    assert read(path) == EXPECTED
    if shape != "lines":
        assert "reading a." in guesses(path)


def test_an_object_alone_is_a_row(tmp_path):
    row = {"text": "a", "label": "b", "spans": [{"from": 1}]}
    for content in (json.dumps(row), json.dumps(row, indent=1)):
        assert read(write(tmp_path / "a.json", content)) == [("a", "b")]


@pytest.mark.parametrize("seed", range(20))
def test_a_stream_in_pieces_of_any_size_gives_what_json_gives(seed):
    rng = random.Random(seed)
    values = [
        rng.choice(
            [rng.random() * 10**9, rng.randint(-99, 99), "x" * 50, None, True]
        )
        for _ in range(50)
    ]
    values.append({"a": [1, 2.5, "é\n"], "b": values[:3]})
    content = json.dumps(values, indent=rng.choice([None, 1]))
    size = rng.randint(1, 7)
    pieces = (content[i : i + size] for i in range(0, len(content), size))
    stream = json_stream.JsonStream("a", pieces)
    items = list(stream.items())
    assert [value for _, value in items] == values
    assert not stream.peek()
    for line, value in items[:5]:
        if "\n" in content:
            assert content.split("\n")[line - 1].strip(" ,") == json.dumps(
                value
            )


def test_memory_does_not_grow_with_the_array(tmp_path):
    path = tmp_path / "a.json"
    with path.open("w") as file:
        file.write("[")
        for number in range(30_000):
            file.write(", " * (number > 0))
            file.write(json.dumps({"text": "x" * 300, "label": number % 2}))
        file.write("]")
    tracemalloc.start()
    try:
        from text2image.corpora import row_sources

        rows = row_sources.open_rows(str(path)).parts["train"]()
        assert sum(1 for _ in rows) == 30_000
        assert tracemalloc.get_traced_memory()[1] < path.stat().st_size
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"text": "a", "label": 1},]', "line 1: expected a value after the"),
        ('[{"text": "a", "label": 1}\n{"text"', "line 2: expected one of ,]"),
        ('[\n{"text": "a",\n "label" 1}]', "line 3: not valid JSON"),
        ('[{"text": "a", "label": 1}', "line 1: expected one of ,]"),
        ('[{"text": "a", "label": 1}] x', "expected the end of the file"),
        ('{"a": [{"b": 1}], "c": [{"d": 1}]}', r"lists \['a', 'c'\]"),
        ('{"text": {"0": "a"}, "label": {"0": 1}}', "an object of columns"),
        ('{"text": ["a", "b"], "label": [1, 2]}', "an object of columns"),
        ("[]", "expected rows"),
    ],
)
def test_a_faulty_file_is_named_with_its_line(tmp_path, content, message):
    from text2image.corpora import texts

    path = write(tmp_path / "a.json", content)
    with pytest.raises(ValueError, match=message):
        list(texts.open_corpus(str(path)).parts["train"]())


def test_a_comma_after_an_object_is_named(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"text": "a", "label": 1},\n')
    with pytest.raises(ValueError, match="a comma follows the object"):
        read(path)


def test_a_faulty_line_is_a_fault(tmp_path):
    path = write(tmp_path / "a.jsonl", lines(ROWS[:2]) + "[1]\n{nope}\n")
    assert read(path) == [*EXPECTED[:2], NOT_A_ROW, NOT_A_ROW]


def test_items_of_an_array_that_are_no_objects_are_faults(tmp_path):
    path = write(tmp_path / "a.json", json.dumps([*ROWS, 3, [1]]))
    assert read(path) == [*EXPECTED, NOT_A_ROW, NOT_A_ROW]


def test_numbers_are_no_texts(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"text": 501, "label": 1}\n')
    assert read(path) == [NOT_A_ROW]


def test_flags_of_tables_are_refused(tmp_path):
    path = write(tmp_path / "a.jsonl", lines(ROWS))
    for flags in ({"delimiter": ";"}, {"columns": "a"}, {"quoting": "none"}):
        with pytest.raises(ValueError, match="has no use"):
            read(path, **flags)
