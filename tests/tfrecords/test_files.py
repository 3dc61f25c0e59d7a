"""Directories that can and cannot be written."""

import os
import pathlib

import pytest

from tfrecords import files


@pytest.fixture
def closed(tmp_path):
    """A directory that takes no files; root is kept out of /sys alone."""
    if os.geteuid() == 0:
        return pathlib.Path("/sys")
    directory = tmp_path / "closed"
    directory.mkdir(mode=0o500)
    return directory


@pytest.mark.parametrize("name", ["runs", "."])
def test_a_directory_that_cannot_be_written_names_the_flag(closed, name):
    if name == "." and os.geteuid() == 0 and os.access(closed, os.W_OK):
        pytest.skip("root may write everywhere here")
    with pytest.raises(PermissionError, match=r"read-only disk.*--workdir"):
        files.make_directory(closed / name, "workdir")


def test_a_directory_is_made_with_its_parents_or_found(tmp_path):
    directory = tmp_path / "my runs" / "first"
    for _ in range(2):
        files.make_directory(directory, "workdir")
        assert directory.is_dir()


def test_a_file_in_the_way_stays_a_file_in_the_way(tmp_path):
    (tmp_path / "runs").write_text("mine", "utf-8")
    with pytest.raises(FileExistsError):
        files.make_directory(tmp_path / "runs", "workdir")
    assert (tmp_path / "runs").read_text("utf-8") == "mine"
