"""A list of files names every file that is not as it was."""

import json

import pytest

from tests.support.damages import DAMAGES, damage
from trainers.runs import file_list
from trainers.runs.file_list import FileList


@pytest.fixture
def listed(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a").write_bytes(b"some content")
    (tmp_path / "sub/b").write_bytes(b"other content")
    listed = FileList.of_run(tmp_path)
    listed.record(("a", "sub/b"))
    return listed


def test_whole_files_have_no_fault(listed):
    assert listed.faults() == listed.faults(hash_all=True) == {}
    assert sorted(listed.read()) == ["a", "sub/b"]


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("flipped", "changed since it was written"),
        ("cut", "6 bytes, not 13"),
        ("emptied", "0 bytes, not 13"),
        ("doubled", "26 bytes, not 13"),
        ("deleted", "missing"),
    ],
)
def test_every_damage_is_named(listed, kind, fault):
    assert kind in DAMAGES
    damage(listed.directory / "sub/b", kind)
    assert listed.faults() == {"sub/b": fault}
    assert listed.faults(("a",)) == {}


def test_large_files_are_hashed_on_demand(listed, monkeypatch):
    monkeypatch.setattr(file_list, "_MOST_HASHED", 12)
    damage(listed.directory / "sub/b", "flipped")
    assert listed.faults() == {}
    assert list(listed.faults(hash_all=True)) == ["sub/b"]
    damage(listed.directory / "sub/b", "cut")
    assert list(listed.faults()) == ["sub/b"]


def test_a_file_that_is_not_listed_must_exist_and_hold_something(listed):
    (listed.directory / "empty").touch()
    (listed.directory / "full").write_bytes(b"x")
    names = ("empty", "full", "gone")
    assert listed.faults(names) == {"empty": "empty", "gone": "missing"}


def test_contents_are_listed_before_they_are_written(listed):
    listed.record((), {"c": b"later"})
    assert listed.faults() == {"c": "missing"}
    (listed.directory / "c").write_bytes(b"later")
    assert listed.faults() == {}


@pytest.mark.parametrize("kind", sorted(set(DAMAGES) - {"deleted"}))
def test_a_damaged_list_is_named_and_written_anew(listed, kind, caplog):
    whole = damage(listed.path, kind)
    with pytest.raises(ValueError, match=r"files\.json is damaged.*Without it"):
        listed.faults()
    listed.record(("a", "sub/b"))
    assert "files.json is damaged" in caplog.text
    assert listed.path.read_bytes() == whole


def test_an_unchanged_list_is_not_written(listed):
    before = listed.path.stat().st_mtime_ns
    listed.record(("a",))
    assert listed.path.stat().st_mtime_ns == before
    assert json.loads(listed.path.read_text())["format_version"] == 1
