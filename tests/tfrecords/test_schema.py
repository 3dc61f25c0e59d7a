"""Records and manifests survive serialization; damaged ones are refused."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tests.support import record_sets
from tfrecords import schema


@pytest.mark.parametrize("kind", ["cls", "image", "multimodal"])
def test_parse_returns_what_was_serialized(kind):
    record_schema = record_sets.schema_of(kind)
    examples = [
        record_sets.example(record_schema, number) for number in range(5)
    ]
    parsed = record_schema.parse(
        tf.constant([record_schema.serialize(**e) for e in examples])
    )
    for row, expected in enumerate(examples):
        assert parsed["id"][row].numpy().decode() == expected["key"]
        assert int(parsed["label"][row]) == expected["label"]
        array = parsed[record_schema.array][row].numpy()
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, expected["array"])
        for name in record_schema.strings:
            value = expected[name]
            value = value.encode() if isinstance(value, str) else value
            assert parsed[name][row].numpy() == value
    assert set(parsed) == {
        "id",
        "label",
        record_schema.array,
        *record_schema.strings,
    }


@pytest.mark.parametrize("strings", [{}, {"title": "a"}])
def test_a_record_without_its_strings_is_refused(strings):
    example = record_sets.example(record_sets.schema_of("cls"), 0)
    del example["text"]
    with pytest.raises(ValueError, match="must have the strings"):
        record_sets.schema_of("cls").serialize(**example, **strings)


@pytest.mark.parametrize(
    "text", ["", "NA", "null", 'a "b"\r\n', "\0", "\N{SNOWMAN}", "x" * 10**6]
)
def test_any_text_survives(text):
    record_schema = record_sets.schema_of("cls")
    example = {**record_sets.example(record_schema, 0), "text": text}
    parsed = record_schema.parse(
        tf.constant([record_schema.serialize(**example)])
    )
    assert parsed["text"][0].numpy().decode() == text


def test_the_same_record_gives_the_same_bytes():
    record_schema = record_sets.schema_of("cls")
    records = {
        record_schema.serialize(**record_sets.example(record_schema, 1))
        for _ in range(20)
    }
    assert len(records) == 1


@pytest.mark.parametrize("count", [0, 1, 31, 32, 4096, 600_000])
def test_bytes_equal_those_of_protobuf(count):
    array = np.random.default_rng(count).standard_normal(count, np.float32)
    record_schema = schema.image_schema((count,), ("a", "b"))
    train = tf.train
    expected = train.Example(
        features=train.Features(
            feature={
                "id": train.Feature(bytes_list=train.BytesList(value=[b"k"])),
                "label": train.Feature(int64_list=train.Int64List(value=[1])),
                "image": train.Feature(
                    float_list=train.FloatList(value=array.tolist())
                ),
            }
        )
    )
    found = record_schema.serialize("k", 1, array)
    assert found == expected.SerializeToString(deterministic=True)
    assert train.Example.FromString(found) == expected


def test_floats_keep_their_bits():
    record_schema = record_sets.schema_of("image")
    bits = np.array(
        [0, 1, 0x80000000, 0x7F7FFFFF, 0x00800000, 0x3F800001], np.uint32
    )
    array = bits.view(np.float32).reshape(record_schema.shape)
    parsed = record_schema.parse(
        tf.constant([record_schema.serialize("k", 0, array)])
    )
    found = parsed["image"].numpy().ravel().view(np.uint32)
    np.testing.assert_array_equal(found, bits)


def make_manifest():
    return schema.Manifest(
        record_sets.schema_of("cls", ("a b", "\N{SNOWMAN}", "7")),
        "0123456789ab",
        {"kind": "cls", "perplexity": 30.0},
        {"audit": {"repeats": {"all": 0}}},
        {"train": [schema.Shard("f", 3, 100, "0" * 64)], "validation": []},
        {"pixel_map.csv": "1" * 64},
    )


def test_a_manifest_survives_its_file(tmp_path):
    manifest = make_manifest()
    (tmp_path / schema.MANIFEST).write_text(manifest.dumps(), "utf-8")
    assert schema.Manifest.load(tmp_path) == manifest
    assert manifest.num_examples("train") == 3
    assert manifest.num_examples("validation") == 0


def edited(**changes):
    return json.dumps({**json.loads(make_manifest().dumps()), **changes})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "\N{SNOWMAN}",
        edited(format_version=2),
        edited(schema=None),
        edited(schema={"kind": "cls"}),
        edited(splits=[]),
        edited(splits={"train": [{"file": "f"}]}),
        edited(splits={"train": [{"file": "f", "spam": 1}]}),
        edited(files=None),
        *(
            json.dumps({**json.loads(make_manifest().dumps()), name: None})
            for name in ("splits", "files", "schema", "format_version")
        ),
    ],
)
def test_an_unreadable_manifest_is_refused_by_name(tmp_path, text):
    (tmp_path / schema.MANIFEST).write_text(text, "utf-8")
    with pytest.raises(ValueError, match=schema.MANIFEST) as caught:
        schema.Manifest.load(tmp_path)
    assert "Delete the directory" in str(caught.value)


def test_a_manifest_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / schema.MANIFEST).write_bytes(b"\xff\xfe{")
    with pytest.raises(ValueError, match="is not a manifest"):
        schema.Manifest.load(tmp_path)


@pytest.mark.parametrize("made_directory", [True, False])
def test_without_a_manifest_there_is_no_set(tmp_path, made_directory):
    directory = tmp_path / "set"
    if made_directory:
        directory.mkdir()
    with pytest.raises(FileNotFoundError, match=r"tfrecords\.build"):
        schema.Manifest.load(directory)


@pytest.mark.parametrize("count", [1, 12, 99_999, 100_000, 1_234_567])
def test_shards_are_named_as_by_tfds(count):
    template = tfds.core.ShardedFileTemplate(
        data_dir="",
        dataset_name="cls",
        split="train",
        filetype_suffix="tfrecord",
    )
    for index in {0, count // 3, count - 1}:
        expected = template.sharded_filepath(
            shard_index=index, num_shards=count
        )
        name = schema.shard_name("cls", "train", index, count)
        assert name == expected.name
    assert schema.shard_name("cls", "train", 3, 12) == (
        "cls-train.tfrecord-00003-of-00012"
    )


def test_a_schema_survives_json():
    record_schema = record_sets.schema_of("image", ("x", "y", "z"))
    value = json.loads(json.dumps(record_schema.to_json()))
    assert schema.Schema.from_json(value) == record_schema
    assert dataclasses.asdict(record_schema)["shape"] == (2, 3, 1)
