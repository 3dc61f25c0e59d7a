"""Which texts a report draws."""

import pytest

from tests.support import record_sets
from tfrecords import schema
from trainers.reports import example_images


def write_texts(directory, texts):
    """A `cls` set whose validation texts are the last two."""
    record_schema = record_sets.schema_of()
    serialized = []
    for number, text in enumerate(texts):
        value = {**record_sets.example(record_schema, number), "text": text}
        serialized.append(record_schema.serialize(**value))
    shards = {"train": [serialized[:-2]], "validation": [serialized[-2:]]}
    record_sets.write_set(directory, shards)
    return directory


def write_images(directory):
    shards = record_sets.shards_of({"train": [4], "validation": [2]}, "image")
    record_sets.write_set(directory, shards, kind="image")
    return directory


PAPERS = [f"{beginning}and so on" for beginning in example_images._PAPERS]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["a"] * 6, ("key-0", "key-1", "key-2")),
        # In the paper's order, wherever they are.
        (
            [PAPERS[2], "a", "b", PAPERS[0], "c", PAPERS[1]],
            ("key-3", "key-5", "key-0"),
        ),
        (
            [PAPERS[2], "a", "b", "c", "d", PAPERS[1]],
            ("key-0", "key-1", "key-2"),
        ),
    ],
)
def test_the_papers_reviews_are_drawn_or_the_first(tmp_path, texts, expected):
    images = write_images(tmp_path / "image")
    found = write_texts(tmp_path / "cls", texts)
    assert example_images.read(images, found).ids == expected
    first = ("key-0", "key-1", "key-2")
    assert example_images.read(images, None).ids == first


def test_asked_texts_are_drawn_in_their_order(tmp_path):
    images = write_images(tmp_path / "image")
    asked = example_images.parse_ids("key-5, key-1")
    drawn = example_images.read(images, None, asked)
    assert drawn.ids == ("key-5", "key-1")
    record_schema = record_sets.schema_of("image")
    for key, label, image in zip(
        (5, 1), drawn.labels, drawn.images, strict=True
    ):
        expected = record_sets.example(record_schema, key)
        assert label == expected["label"]
        assert (image == expected["array"]).all()
    assert drawn.images.shape[1:] == schema.Manifest.load(images).schema.shape


def test_unknown_ids_are_named(tmp_path):
    images = write_images(tmp_path / "image")
    with pytest.raises(ValueError, match=r"Received also: key-6, b$"):
        example_images.read(images, None, ("key-1", "key-6", "b"))
