"""Where a record set stands, and the room it needs."""

import collections
import shutil

import pytest

from tests.support import record_sets
from tfrecords import files, schema
from tfrecords.stages.record_sets import check_space

Usage = collections.namedtuple("Usage", "total used free")


def test_a_resumed_set_needs_room_for_what_is_missing_only(
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
