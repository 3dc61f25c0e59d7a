"""Counts the calls that change a directory; dies or fails at one of them.

Wraps `os`, the files that Python opens for writing (a call is what reaches the
system, not what a buffer takes), and TensorFlow's writers. The harness's own
files lie elsewhere, so that they are not counted.
"""

import builtins
import errno
import functools
import io
import json
import os
import pathlib
import signal
import threading

# Functions of `os` that change a disk, and whether their first argument is a
# descriptor, whose errors name no file.
_CALLS = {
    **dict.fromkeys(("fsync", "fdatasync", "write", "ftruncate"), True),
    **dict.fromkeys(
        ("replace", "rename", "unlink", "remove", "rmdir", "mkdir", "link"),
        False,
    ),
}
_write, _open_descriptor = os.write, os.open


class Calls:
    """The calls below a directory, and the fault of one of them."""

    def __init__(self, under, report, *, at=0, how="kill", lasts=False):
        """Stores the arguments.

        Args:
            under: Directory whose calls count.
            report: File that is told the number of calls, and the call that
                was hit.
            at: Number of the call to hit, from 1; 0 for none.
            how: `kill`, `short` (half of a write, then a full disk) or the
                name of an `errno`.
            lasts: Whether all later calls fail, too.
        """
        self.under = os.path.realpath(under) + os.sep
        self.report = report
        self.at, self.how, self.lasts = at, how, lasts
        self.count = 0
        self.lock = threading.Lock()

    def passes(self, name, path, *, is_named):
        """Counts a call, which dies or fails if it is its turn.

        Returns:
            Whether it is to be done by half.
        """
        where = os.path.realpath(os.fsdecode(path))
        if not (where + os.sep).startswith(self.under):
            return False
        with self.lock:
            self.count += 1
            number = self.count
        is_hit = number == self.at or (self.lasts and 0 < self.at < number)
        if not is_hit:
            return False
        if number == self.at:
            self.tell(f"{name} {where.removeprefix(self.under)}")
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "short":
            if name == "write" and number == self.at:
                self.lasts = True
                return True
            raise self.error("ENOSPC", path, is_named)
        raise self.error(self.how, path, is_named)

    def error(self, name, path, is_named):
        """Makes the error of the system."""
        code = getattr(errno, name)
        names = (os.fsdecode(path),) if is_named else ()
        return OSError(code, os.strerror(code), *names)

    def tell(self, hit=""):
        """Writes the report by system calls alone."""
        if not hit and os.path.exists(self.report):
            hit = json.loads(pathlib.Path(self.report).read_text())["hit"]
        text = json.dumps({"count": self.count, "hit": hit})
        descriptor = _open_descriptor(
            self.report, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600
        )
        _write(descriptor, text.encode())
        os.close(descriptor)


def arm(calls):
    """Wraps everything in this process."""
    for name, takes_descriptor in _CALLS.items():
        _wrap_os(calls, name, takes_descriptor)
    _wrap_open(calls)
    _wrap_tensorflow(calls)


def _passes_in_tensorflow(calls, name, path):
    """Counts a call of TensorFlow, whose errors are its own."""
    import tensorflow as tf

    try:
        calls.passes(name, path, is_named=True)
    except OSError as error:
        # As TensorFlow's file system maps and words them.
        kinds = {
            errno.ENOSPC: tf.errors.ResourceExhaustedError,
            errno.EMFILE: tf.errors.ResourceExhaustedError,
            errno.EACCES: tf.errors.PermissionDeniedError,
            errno.EROFS: tf.errors.PermissionDeniedError,
        }
        kind = kinds.get(error.errno)
        message = f"{os.fsdecode(path)}; {error.strerror}"
        if kind is None:
            raise tf.errors.UnknownError(None, None, message) from None
        raise kind(None, None, message) from None


def _wrap_os(calls, name, takes_descriptor):
    function = getattr(os, name)

    @functools.wraps(function)
    def wrapped(first, *args, **kwargs):
        path = _path_of(first) if takes_descriptor else first
        if "dir_fd" not in kwargs and path is not None:
            calls.passes(name, path, is_named=not takes_descriptor)
        return function(first, *args, **kwargs)

    setattr(os, name, wrapped)


def _path_of(descriptor):
    try:
        number = descriptor if isinstance(descriptor, int) else -1
        return os.readlink(f"/proc/self/fd/{number}")
    except OSError:
        return None


class _File(io.FileIO):
    """A file whose single writes are counted."""

    def __init__(self, calls, path, mode, opener):
        calls.passes("open", path, is_named=True)
        super().__init__(path, mode, opener=opener)
        self._calls, self._path = calls, path

    def write(self, content):
        if self._calls.passes("write", self._path, is_named=False):
            half = memoryview(content).nbytes // 2
            return super().write(bytes(content)[:half])
        return super().write(content)


def _wrap_open(calls):
    plain = io.open

    @functools.wraps(plain)
    def wrapped(
        file,
        mode="r",
        buffering=-1,
        encoding=None,
        errors=None,
        newline=None,
        closefd=True,
        opener=None,
    ):
        if isinstance(file, int) or not set(mode) & set("wax+"):
            return plain(
                *(file, mode, buffering, encoding, errors),
                *(newline, closefd, opener),
            )
        is_binary = "b" in mode
        raw = _File(calls, file, mode.replace("b", "").replace("t", ""), opener)
        if buffering == 0:
            return raw
        kind = io.BufferedRandom if "+" in mode else io.BufferedWriter
        buffered = kind(raw)
        if is_binary:
            return buffered
        text = io.TextIOWrapper(
            buffered, encoding, errors, newline, buffering == 1
        )
        text.mode = mode
        return text

    builtins.open = io.open = wrapped


def _wrap_tensorflow(calls):
    """Wraps what TensorFlow's Python hands to its own file system."""
    import tensorflow as tf
    from tensorflow.python.lib.io import file_io
    from tensorflow.python.ops import gen_io_ops

    def wrap(owner, name, where):
        function = getattr(owner, name)

        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            path = where(*args, **kwargs)
            if isinstance(path, (str, bytes, os.PathLike)):
                _passes_in_tensorflow(calls, name, path)
            return function(*args, **kwargs)

        setattr(owner, name, wrapped)

    def first(path, *args, **kwargs):
        return path

    for name in ("rename_v2", "delete_file_v2", "delete_recursively_v2"):
        wrap(file_io, name, first)
    for name in ("recursive_create_dir_v2", "copy_v2"):
        wrap(file_io, name, first)
    wrap(file_io, "atomic_write_string_to_file", first)
    wrap(file_io, "write_string_to_file", first)
    wrap(file_io.FileIO, "write", lambda file, *_: file.name)
    wrap(file_io.FileIO, "close", lambda file, *_: _written(file))

    def prefix(name="", *args, **kwargs):
        name = kwargs.get("prefix", kwargs.get("destination_prefix", name))
        return name.numpy() if hasattr(name, "numpy") else None

    for name in ("save_v2", "merge_v2_checkpoints"):
        wrap(gen_io_ops, name, prefix)

    class Writer(tf.io.TFRecordWriter):
        """A writer of records whose single records are counted."""

        def __init__(self, path, *args, **kwargs):
            _passes_in_tensorflow(calls, "open", path)
            super().__init__(path, *args, **kwargs)
            self.path = path

        def write(self, record):
            _passes_in_tensorflow(calls, "write", self.path)
            super().write(record)

        def close(self):
            _passes_in_tensorflow(calls, "close", self.path)
            super().close()

    tf.io.TFRecordWriter = Writer


def _written(file):
    return file.name if "r" not in file.mode else None
