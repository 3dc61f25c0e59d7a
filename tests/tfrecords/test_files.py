"""Files appear whole or not at all; closed directories are named."""

import errno
import fcntl
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys

import pytest

from tests.support import object_store
from tests.support.commands import ROOT
from tfrecords import files, gfiles, paths


@pytest.fixture
def closed(tmp_path):
    """A directory that takes no files; root may write anywhere but in /sys."""
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


def test_a_directory_is_created_with_its_parents_or_reused(tmp_path):
    directory = tmp_path / "my runs" / "first"
    for _ in range(2):
        files.make_directory(directory, "workdir")
        assert directory.is_dir()


def test_a_file_in_the_way_is_not_replaced(tmp_path):
    (tmp_path / "runs").write_text("text", "utf-8")
    with pytest.raises(FileExistsError):
        files.make_directory(tmp_path / "runs", "workdir")
    assert (tmp_path / "runs").read_text("utf-8") == "text"


WRITERS = {
    "bytes": lambda path: files.write_bytes(path, b"new"),
    "text": lambda path: files.write_text(path, "new \N{SNOWMAN}"),
    "json": lambda path: files.write_json(path, {"b": [1], "a": None}),
    "callback": lambda path: files.write_with(
        path, lambda temporary: temporary.write_text("new")
    ),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_written_file_replaces_the_old_one_and_leaves_nothing_else(
    tmp_path, kind
):
    path = tmp_path / "file"
    path.write_text("old")
    WRITERS[kind](path)
    expected = {
        "bytes": b"new",
        "text": "new \N{SNOWMAN}".encode(),
        "json": b'{\n  "a": null,\n  "b": [\n    1\n  ]\n}',
        "callback": b"new",
    }
    assert path.read_bytes() == expected[kind]
    assert list(tmp_path.iterdir()) == [path]


KILLED = """
import os, pathlib, signal, sys
from tfrecords import files
path, call = pathlib.Path(sys.argv[1]), sys.argv[2]
setattr(os, call, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
files.write_text(path, "new")
"""


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_kill_before_the_rename_leaves_the_old_file(tmp_path, call):
    path = tmp_path / "file"
    path.write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), call],
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    # The next attempt is not in the way of what the killed one left.
    files.write_text(path, "newer")
    assert path.read_text() == "newer"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_callback_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def fail(temporary):
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        files.write_with(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_content_is_on_disk_before_the_file_gets_its_name(
    tmp_path, monkeypatch
):
    calls = []
    for name in ("fsync", "replace"):
        original = getattr(os, name)
        monkeypatch.setattr(
            os,
            name,
            lambda *a, n=name, o=original: (calls.append(n), o(*a))[1],
        )
    files.write_bytes(tmp_path / "file", b"new")
    assert calls == ["fsync", "replace", "fsync"]


def test_json_is_what_json_reads_back(tmp_path):
    value = {"a": [1, 2.5, None], "\N{SNOWMAN}": {"x": True}}
    files.write_json(tmp_path / "file", value)
    assert json.loads((tmp_path / "file").read_text("utf-8")) == value


def test_directory_with_the_name_of_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OSError, match="--out must be a directory, new or"):
            files.make_directory(path, "out")


def test_directory_with_too_long_a_name_is_refused(tmp_path):
    with pytest.raises(OSError, match="at most 255 bytes"):
        files.make_directory(tmp_path / ("x" * 300), "out")


def test_a_lock_says_who_holds_it_on_which_host_and_since_when(tmp_path):
    with (
        files.lock(tmp_path),
        pytest.raises(
            RuntimeError,
            match=rf"Process {os.getpid()} on {re.escape(socket.gethostname())}"
            rf" is already writing .*, since \d{{4}}-\d\d-\d\d .* UTC\. Wait",
        ),
        files.lock(tmp_path),
    ):
        pass
    with files.lock(tmp_path):
        pass


def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with (
        pytest.raises(OSError, match=r"\.lock cannot be locked: No locks"),
        files.lock(tmp_path),
    ):
        pass


def test_a_lock_that_says_nothing_of_its_holder_is_still_a_lock(tmp_path):
    with files.lock(tmp_path):
        (tmp_path / files.LOCK).write_text("123")  # as 0.1.0 wrote it
        with (
            pytest.raises(RuntimeError, match="Another process is already"),
            files.lock(tmp_path),
        ):
            pass


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_in_a_store_is_written_under_its_name(store, kind):
    path = store / "file"
    path.write_text("old")
    WRITERS[kind](path)
    assert b"old" not in path.read_bytes()
    assert list(store.iterdir()) == [path]
    assert files.writing(path) == files.aside(path) == path


def test_a_callback_that_fails_in_a_store_leaves_no_half_of_a_file(store):
    def fail(path):
        path.write_text("half")
        raise OSError("network")

    with pytest.raises(OSError, match="network"):
        files.write_with(store / "file", fail)
    assert not (store / "file").exists()


def test_a_file_in_a_store_is_seen_whole_or_not_at_all(monkeypatch):
    objects = object_store.ObjectStore()
    monkeypatch.setattr(gfiles, "module", lambda: objects)
    path = paths.open_path("objects://bucket/set/file")
    path.write_bytes(b"old")

    def write(temporary):
        with temporary.open("wb") as stream:
            stream.write(b"new, " * 10**5)
            assert path.read_bytes() == b"old"
            stream.write(b"whole")

    files.write_with(path, write)
    assert path.read_bytes() == b"new, " * 10**5 + b"whole"
    assert not objects.copies


def test_directories_in_a_store_are_made_and_removed(store):
    files.make_directory(store / "a" / "b", "records_dir")
    (store / "a" / "b" / "file").write_bytes(b"1")
    assert (store / "a" / "b").is_dir()
    files.sync(store / "a")
    files.remove_tree(store / "a")
    assert not (store / "a").exists()
