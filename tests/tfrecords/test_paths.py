"""A path of tf.io.gfile does what pathlib does, with the same errors."""

import os
import pathlib
import pickle
import sys

import pytest

from text2image import hashes
from tfrecords import gfiles, paths


def test_a_text_with_a_scheme_is_a_path_of_gfile_and_any_other_is_local():
    for text in ("gs://b/x", "s3://b", "hdfs:///x", "ram://a/b"):
        assert isinstance(paths.open_path(text), paths.GfilePath)
        assert paths.is_remote(text)
        assert str(paths.open_path(text)) == text
    for text in ("records", "/a/b", "./a:b", "C:/x", pathlib.Path("x")):
        assert isinstance(paths.open_path(text), pathlib.Path)
        assert not paths.is_remote(text)
    assert paths.open_path("~/x") == pathlib.Path.home() / "x"
    path = paths.open_path("gs://b/x")
    assert paths.open_path(path) is path


def test_names_are_those_of_pathlib():
    path = paths.GfilePath("gs://bucket//cls/a b//1.0.0/")
    local = pathlib.PurePosixPath("/bucket/cls/a b/1.0.0")
    assert str(path) == "gs://bucket/cls/a b/1.0.0"
    assert (path.name, path.parent.name) == (local.name, local.parent.name)
    assert path.parts[1:] == local.parts[2:]
    assert str(path / "x/y") == f"{path}/x/y"
    assert path.with_name("z") == path.parent / "z"
    assert path.parent.parent.parent == paths.GfilePath("gs://bucket")
    root = paths.GfilePath("gs://bucket")
    assert (root.parent, root.name) == (root, "")
    assert path.expanduser() == path.resolve() == path
    assert str(paths.GfilePath("hdfs:///a").parent) == "hdfs://"
    assert sorted([path / "b", path / "a"]) == [path / "a", path / "b"]
    assert pickle.loads(pickle.dumps(path)) == path  # Beam sends paths


def test_os_refuses_a_path_of_gfile(store):
    with pytest.raises(TypeError):
        os.stat(store)


# Each returns what is compared, of a directory with `a.txt` and `below/b`.
ANSWERS = {
    "exists": lambda d: [(d / n).exists() for n in ("a.txt", "below", "c")],
    "is_file": lambda d: [(d / n).is_file() for n in ("a.txt", "below", "c")],
    "is_dir": lambda d: [(d / n).is_dir() for n in ("a.txt", "below", "c")],
    "iterdir": lambda d: sorted(path.name for path in d.iterdir()),
    "glob": lambda d: [path.name for path in d.glob("*.t?t")],
    "glob nowhere": lambda d: list((d / "c").glob("*")),
    "size": lambda d: (d / "a.txt").stat().st_size,
    "bytes": lambda d: (d / "a.txt").read_bytes(),
    "text": lambda d: (d / "a.txt").read_text("utf-8"),
    "binary": lambda d: (d / "a.txt").open("rb").read(),
    "part": lambda d: [
        (stream := (d / "a.txt").open("rb")).seek(2),
        stream.read(3),
        stream.tell(),
        stream.read(),
    ],
    "lines": lambda d: list((d / "a.txt").open(encoding="utf-8")),
    "sha256": lambda d: hashes.sha256_of_file(d / "a.txt"),
    "write": lambda d: (d / "new").write_bytes(b"abc"),
    "write text": lambda d: (
        (d / "new").write_text("\N{SNOWMAN}", "utf-8"),
        (d / "new").read_bytes(),
    )[1],
    "write lines": lambda d: (
        print("x", file=(s := (d / "new").open("w", newline="\r\n"))),
        s.close(),
        (d / "new").read_bytes(),
    ),
    "write over": lambda d: [
        (s := (d / "a.txt").open("wb")).write(b"z"),
        s.close(),
        (d / "a.txt").read_bytes(),
        (d / "a.txt").write_text("yy"),
        (d / "a.txt").read_text(),
    ],
    "append": lambda d: (
        (s := (d / "a.txt").open("ab")).write(b"z"),
        s.close(),
        (d / "a.txt").read_bytes(),
    ),
    "empty": lambda d: ((d / "new").open("wb").close(), (d / "new").exists()),
    "large": lambda d: (
        (d / "new").write_bytes(bytes(range(256)) * 1000),
        hashes.sha256_of_file(d / "new"),
    ),
    "unlink": lambda d: ((d / "a.txt").unlink(), (d / "a.txt").exists()),
    "unlink nothing": lambda d: (d / "c").unlink(missing_ok=True),
    "mkdir": lambda d: (
        (d / "x" / "y").mkdir(parents=True, exist_ok=True),
        (d / "x" / "y").mkdir(parents=True, exist_ok=True),
        (d / "x" / "y").is_dir(),
    ),
    "replace": lambda d: (
        (d / "new").write_bytes(b"abc"),
        (d / "new").replace(d / "a.txt") and None,
        (d / "a.txt").read_bytes(),
        (d / "new").exists(),
    ),
}
ERRORS = {
    "read": lambda d: (d / "c").read_bytes(),
    "open": lambda d: (d / "c").open("rb"),
    "stat": lambda d: (d / "c").stat(),
    "list": lambda d: list((d / "c").iterdir()),
    "unlink": lambda d: (d / "c").unlink(),
    "mkdir": lambda d: (d / "below").mkdir(),
    "mode": lambda d: (d / "c").open("rw"),
}


def fill(directory):
    (directory / "a.txt").write_bytes("one \N{SNOWMAN}\ntwo\n".encode())
    (directory / "below").mkdir()
    (directory / "below" / "b").write_bytes(b"")
    return directory


@pytest.mark.parametrize("name", ANSWERS)
def test_a_method_answers_as_pathlib_does(store, tmp_path, name):
    assert ANSWERS[name](fill(store)) == ANSWERS[name](fill(tmp_path))


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_the_one_of_pathlib_and_names_the_path(
    store, tmp_path, name
):
    with pytest.raises(Exception) as expected:  # noqa: PT011
        ERRORS[name](fill(tmp_path))
    with pytest.raises(expected.type) as received:
        ERRORS[name](fill(store))
    if name != "mode":
        assert str(store) in str(received.value)


def test_a_tree_is_removed(store):
    (store / "x" / "y").mkdir()
    (store / "x" / "y" / "file").write_bytes(b"1")
    (store / "x").remove_tree()
    assert not (store / "x").exists()


def test_a_pattern_over_directories_is_refused(store):
    with pytest.raises(ValueError, match=r"one name.*a/\*"):
        list(store.glob("a/*"))


def test_an_unknown_file_system_is_refused_with_those_that_are_known():
    with pytest.raises(ValueError, match=r"s3://b/x.*'gs', 'ram'.*-io adds"):
        paths.open_path("s3://b/x").exists()


def test_the_file_systems_of_tensorflow_io_are_added(tmp_path, monkeypatch):
    (tmp_path / "tensorflow_io.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    gfiles.module.cache_clear()
    assert not paths.open_path("ram://none").exists()
    assert sys.modules.pop("tensorflow_io").__file__.startswith(str(tmp_path))
