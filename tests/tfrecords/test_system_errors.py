"""A failing disk is told in one sentence: path, size, cause, cure."""

import errno
import os
import resource

import pytest
import tensorflow as tf

from tfrecords import command_line, files, system_errors
from tfrecords.command_line import Program

PROGRAM = Program("some.program", "Does what a test asks for.", settings=())
FAILING = (errno.EIO, errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EMFILE)


def _said(capsys, work):
    assert command_line.main(PROGRAM, lambda _: work(), []) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert message.count("\n") == 1
    assert "Errno" not in message
    return message


@pytest.fixture
def fail(monkeypatch):
    """Makes a function of `os` fail as the system does, without a name."""

    def failing(name, code):
        def call(*_, **__):
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, name, call)

    return failing


@pytest.mark.parametrize("code", FAILING)
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failed_write_names_file_and_size(tmp_path, capsys, fail, code, call):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    fail(call, code)
    message = _said(capsys, lambda: files.write_bytes(path, b"x" * 1234))
    assert f"error: {path} (1,234 bytes) " in message
    assert message.endswith("and run the same command again.\n")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_full_disk_says_how_much_is_free(tmp_path, capsys, fail):
    fail("fsync", errno.ENOSPC)
    message = _said(capsys, lambda: files.write_bytes(tmp_path / "f", b"x"))
    assert "(1 bytes) does not fit on the disk, where " in message
    assert " bytes are free. Free some space and run" in message


@pytest.fixture
def small_files():
    """No file may grow above 1,000 bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.usefixtures("small_files")
def test_a_limit_on_the_size_of_files_is_named(tmp_path, capsys):
    path = tmp_path / "file"
    message = _said(capsys, lambda: files.write_bytes(path, b"x" * 2000))
    assert f"{path} (2,000 bytes) is larger than a file may be" in message
    assert "ulimit -f" in message


def test_a_lock_that_the_disk_does_not_take_is_named(tmp_path, capsys):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def work():
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
        try:
            with files.lock(tmp_path):
                pass
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    message = _said(capsys, work)
    assert f"{tmp_path / files.LOCK} is larger than a file may be" in message


def _write_by_tensorflow(path):
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(b"x" * 2000)


@pytest.mark.usefixtures("small_files")
@pytest.mark.parametrize("is_named", [True, False])
def test_tensorflows_own_writers_are_understood(tmp_path, capsys, is_named):
    path = tmp_path / "requests"

    def write():
        if not is_named:
            _write_by_tensorflow(path)
        with system_errors.while_writing(path):
            _write_by_tensorflow(path)

    message = _said(capsys, write)
    assert "is larger than a file may be here" in message
    assert str(path) in message or not is_named


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/a/b.data; No space left on device", "/a/b.data does not fit on"),
        ("{{node x}} /a/b; Input/output error [Op:SaveV2]", "/a/b cannot be r"),
        ("File too large", "A file is larger than"),
    ],
)
def test_errors_of_tensorflow_name_their_file(capsys, text, expected):
    def work():
        raise tf.errors.ResourceExhaustedError(None, None, text)

    message = _said(capsys, work)
    assert f"error: {expected}" in message
    assert "memory" not in message


def test_an_error_about_another_file_is_not_blamed_on_the_written_one(
    tmp_path, capsys
):
    def read_and_write(temporary):
        temporary.write_bytes((tmp_path / "source").read_bytes())

    message = _said(
        capsys, lambda: files.write_with(tmp_path / "copy", read_and_write)
    )
    assert f"{tmp_path / 'source'} does not exist" in message


def test_other_errors_stay_what_they_are(tmp_path):
    with (
        pytest.raises(ValueError, match="spam"),
        system_errors.while_writing(tmp_path),
    ):
        raise ValueError("spam")
    assert system_errors.explain(OSError("our own sentence")) is None
    assert system_errors.explain(KeyError("spam")) is None
