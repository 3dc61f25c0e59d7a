"""Versions of an export: whole, counted up, one writer at a time."""

import pytest

from trainers import export
from trainers.serving import versions


def write(directory):
    directory.mkdir()
    (directory / "saved_model.pb").write_bytes(b"made")


def test_versions_count_up_and_leftovers_go(tmp_path):
    out = tmp_path / "a" / "b"
    (out / "incomplete").mkdir(parents=True)
    (out / "incomplete/half").write_text("")
    for name in ("12.old", "007", "0", "\N{ARABIC-INDIC DIGIT NINE}"):
        (out / name).mkdir()
    for number in ("1", "2"):
        assert versions.publish(out, write) == out / number
    (out / "9").mkdir()
    assert versions.publish(out, write) == out / "10"
    assert versions.numbers(out) == [1, 2, 9, 10]
    assert (out / "10/saved_model.pb").read_bytes() == b"made"
    assert not (out / "incomplete").exists()


def test_a_version_is_not_seen_before_it_is_whole(tmp_path):
    def watch(directory):
        write(directory)
        assert versions.numbers(tmp_path) == []

    versions.publish(tmp_path, watch)
    assert versions.numbers(tmp_path) == [1]


def test_a_failed_export_leaves_nothing(tmp_path):
    def fail(directory):
        write(directory)
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        versions.publish(tmp_path, fail)
    assert list(tmp_path.iterdir()) == []
    assert versions.publish(tmp_path, write) == tmp_path / "1"


def test_a_file_is_no_place_for_versions(tmp_path, capsys):
    out = tmp_path / "out"
    out.write_text("")
    with pytest.raises(FileExistsError, match="--out must be a directory"):
        versions.publish(out, write)
    # Refused before the run is looked for.
    assert export.main(["--workdir=nowhere", f"--out={out}"]) == 1
    assert "--out must be a directory" in capsys.readouterr().err


def test_two_exports_to_one_directory_exclude_each_other(tmp_path):
    def export_meanwhile(directory):
        with pytest.raises(RuntimeError, match="Another process"):
            versions.publish(tmp_path, write)
        write(directory)

    assert versions.publish(tmp_path, export_meanwhile) == tmp_path / "1"


def write_with_core(directory):
    write(directory)
    (directory / "core").mkdir()
    (directory / "core/saved_model.pb").write_bytes(b"core")


def test_a_core_has_the_number_of_its_version(tmp_path):
    versions.publish(tmp_path, write)
    assert not (tmp_path / "core").exists()
    versions.publish(tmp_path, write_with_core)
    assert (tmp_path / "2/saved_model.pb").read_bytes() == b"made"
    assert (tmp_path / "core/2/saved_model.pb").read_bytes() == b"core"
    assert not (tmp_path / "2/core").exists()
    # A server that watches the directory sees the versions only.
    assert versions.numbers(tmp_path) == [1, 2]
    assert versions.numbers(tmp_path / "core") == [2]


def test_a_core_whose_version_never_came_keeps_its_number(tmp_path):
    (tmp_path / "core/1").mkdir(parents=True)
    assert versions.publish(tmp_path, write_with_core) == tmp_path / "2"
    assert versions.numbers(tmp_path / "core") == [1, 2]


def test_no_directory_has_no_versions(tmp_path):
    assert versions.numbers(tmp_path / "nowhere") == []
