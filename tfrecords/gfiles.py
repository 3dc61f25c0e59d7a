"""Files of tf.io.gfile with the errors and streams of Python."""

import contextlib
import errno
import functools
import importlib.util
import io
from collections.abc import Iterator
from typing import Any


@functools.cache
def module() -> Any:
    """Returns tf.io.gfile; programs that print their help do without it."""
    from tensorflow.io import gfile

    # Its import adds its file systems.
    if importlib.util.find_spec("tensorflow_io"):
        importlib.import_module("tensorflow_io")
    return gfile


@contextlib.contextmanager
def errors(path: str) -> Iterator[None]:
    """Raises the errors of TensorFlow as those of `pathlib`."""
    from tensorflow import errors as kinds

    try:
        yield
    except kinds.NotFoundError as error:
        raise FileNotFoundError(
            errno.ENOENT, "No such file or directory", path
        ) from error
    except (kinds.PermissionDeniedError, kinds.UnauthenticatedError) as e:
        raise PermissionError(errno.EACCES, e.message, path) from e
    except kinds.UnimplementedError as error:
        known = sorted(filter(None, module().get_registered_schemes()))
        raise ValueError(
            f"TensorFlow must know the file system of {path}. It "
            f"knows {known}. The package tensorflow-io adds s3:// and "
            "hdfs://: install it, or name a path that is known."
        ) from error
    except kinds.OpError as error:
        raise OSError(f"{path}: {error.message}") from error


def open_raw(path: str, kind: str) -> io.RawIOBase:
    """Opens a file to read (`r`), write (`w`) or append (`a`) bytes."""
    return _RawFile(path, kind)


class _RawFile(io.RawIOBase):
    """A file of tf.io.gfile as Python's `io` wants it."""

    def __init__(self, path: str, kind: str) -> None:
        self._path = path
        self._kind = kind
        self._file = module().GFile(path, kind + "b")
        with errors(path):
            # GFile opens late.
            self._file.tell() if kind == "r" else self._file.write(b"")

    def readable(self) -> bool:
        return self._kind == "r"

    def writable(self) -> bool:
        return self._kind != "r"

    def seekable(self) -> bool:
        return self._kind == "r"

    def readinto(self, buffer: Any) -> int:
        with errors(self._path):
            content = self._file.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def write(self, content: Any) -> int:
        with errors(self._path):
            self._file.write(bytes(content))
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with errors(self._path):
            self._file.seek(offset, whence)
        return self.tell()

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        if not self.closed:
            super().close()
            with errors(self._path):
                self._file.close()
