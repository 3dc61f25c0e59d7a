"""A JSON file of ours is whole, or named with a cure."""

import json

import pytest

from tests.support.damages import flip
from trainers.runs import json_files

CURE = "Make it again."


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "not a JSON file"),
        (b"{", "not a JSON file"),
        (b"\xff\xfe", "not a JSON file"),
        (b"[" * 100_000, "not a JSON file"),
        (b"[]", "must hold a JSON object. Received: list"),
        (b"null", "must hold a JSON object"),
        (b'{"a": 1}', r"Missing: \['b'\]"),
        (b'{"a": 1, "b": 2, "content_sha256": "0"}', "changed since"),
    ],
)
def test_a_damaged_file_is_named_with_its_cure(tmp_path, content, cause):
    path = tmp_path / "some.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"some\.json is .*{cause}.*again\."):
        json_files.read(path, ("a", "b"), cure=CURE)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"some\.json is missing\. Make"
    ):
        json_files.read(tmp_path / "some.json", cure=CURE)


def test_every_flipped_bit_is_named_or_changes_nothing(tmp_path):
    value = {"accuracy": 0.8125, "names": ["a", "\N{SNOWMAN}"], "n": {"x": 1}}
    path = tmp_path / "some.json"
    json_files.write_checked(path, value)
    content = path.read_bytes()
    refused = harmless = 0
    for place in range(len(content)):
        path.write_bytes(flip(content, (place + 0.5) / len(content)))
        try:
            received = json_files.read(path, tuple(value), cure=CURE)
        except ValueError as error:
            refused += str(path) in str(error)
        else:
            assert {name: received[name] for name in value} == value
            harmless += 1
    assert refused + harmless == len(content)
    assert refused > 0.8 * len(content)


def test_what_is_written_is_read_with_and_without_a_checksum(tmp_path):
    path = tmp_path / "some.json"
    value = {"b": [1, 2.5, None], "a": {"x": "\N{SNOWMAN}"}}
    json_files.write_checked(path, value)
    assert json_files.read(path, cure=CURE) == value
    path.write_text(json.dumps(value))  # as earlier versions
    assert json_files.read(path, cure=CURE) == value
