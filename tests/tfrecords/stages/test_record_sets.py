"""Where a record set is, and the space it needs."""

import collections
import shutil

import pytest

from tests.support import record_sets
from tfrecords import files, schema
from tfrecords.stages.record_sets import check_space, directory

Usage = collections.namedtuple("Usage", "total used free")


def test_a_resumed_set_needs_space_only_for_what_is_missing(
    tmp_path, monkeypatch
):
    settings = record_sets.settings("demo", tmp_path)
    records = schema.cls_schema((2, 4), ("a", "b"))
    directory = tmp_path / "cls/made/1.0.0"
    needed = 100 * (4 * 2 * 4 + 2048)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, needed - 9))
    with pytest.raises(OSError, match="Free some"):
        check_space(settings, directory, 100, records)
    aside = files.aside(directory)
    aside.mkdir(parents=True)
    (aside / "text-train.tfrecord-00000-of-00002").write_bytes(b"x" * 9)
    check_space(settings, directory, 100, records)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("my-reviews.2_mini", "my_reviews_2_mini"),
        ("отзывы_mini", "mini"),
        ("评论", "data"),
        ("a" * 200, "a" * 200),
        ("b" * 240 + "_mini", "b" * 200),
    ],
)
def test_every_name_of_a_corpus_gives_a_legal_name(tmp_path, name, expected):
    settings = record_sets.settings("demo", tmp_path)
    path = directory(settings, "cls", name, {"name": name})
    assert path.parent.name.rsplit("-", 1)[0] == expected
    path.mkdir(parents=True)
    files.aside(path).mkdir()


def test_home_directory_is_expanded_for_callers_in_python(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = record_sets.settings("demo", "~/records")
    path = directory(settings, "cls", "demo", {})
    assert path.is_relative_to(tmp_path / "records")
