"""Paths of records: on a disk, or in a store that tf.io.gfile knows.

A path without `://` is a `pathlib.Path`. One with it (`gs://`, `s3://`,
`hdfs://`, `ram://`) is a `GfilePath`, which has the methods of a
`pathlib.Path` that this project calls. It has no `__fspath__`: what goes past
tf.io.gfile (`os`, `shutil`, `numpy.load`) raises a `TypeError`.

`etils.epath` would do, but knows neither `hdfs://` nor `ram://`.
"""

import contextlib
import dataclasses
import errno
import fnmatch
import functools
import importlib.util
import io
import pathlib
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

_SEPARATOR = "://"


class Stat(NamedTuple):
    """Size of a file in bytes, and when it was written in ns since 1970.

    A store has no inodes.
    """

    st_size: int
    st_mtime_ns: int
    st_ino: int = 0


@dataclasses.dataclass(frozen=True, order=True, repr=False)
class GfilePath:
    """A path in a store that tf.io.gfile knows.

    Methods do what those of `pathlib.Path` do, with the same errors.

    Attributes:
        text: `<scheme>://<bucket or host>/<names>`.
    """

    text: str

    def __post_init__(self) -> None:
        """Drops empty names: `ram://a//b/` is `ram://a/b`."""
        scheme, _, rest = self.text.partition(_SEPARATOR)
        root, *names = rest.split("/")
        text = "/".join([scheme + _SEPARATOR + root, *filter(None, names)])
        object.__setattr__(self, "text", text)

    def __str__(self) -> str:
        """Returns what tf.io.gfile takes."""
        return self.text

    def __repr__(self) -> str:
        """Returns what Python reads back."""
        return f"GfilePath({self.text!r})"

    def __truediv__(self, name: str) -> Self:
        """Returns the path of a name, or of names, below this one."""
        return type(self)(f"{self.text}/{name}")

    @property
    def parts(self) -> tuple[str, ...]:
        """The root, `<scheme>://<bucket>`, and the names below it."""
        scheme, _, rest = self.text.partition(_SEPARATOR)
        root, *names = rest.split("/")
        return scheme + _SEPARATOR + root, *names

    @property
    def name(self) -> str:
        """The last name; empty for a root."""
        return self.parts[-1] if len(self.parts) > 1 else ""

    @property
    def parent(self) -> Self:
        """The directory; the root is its own."""
        return type(self)("/".join(self.parts[:-1] or self.parts))

    def with_name(self, name: str) -> Self:
        """Returns the path of a neighbour."""
        return self.parent / name

    def expanduser(self) -> Self:
        """Returns the path: no home directory is in it."""
        return self

    def resolve(self) -> Self:
        """Returns the path: it is absolute."""
        return self

    def exists(self) -> bool:
        """Returns whether there is a file or a directory."""
        with self._errors():
            return bool(_gfile().exists(self.text))

    def is_dir(self) -> bool:
        """Returns whether this is a directory, or a prefix of names."""
        with self._errors():
            return bool(_gfile().isdir(self.text))

    def is_file(self) -> bool:
        """Returns whether this is a file."""
        return self.exists() and not self.is_dir()

    def stat(self) -> Stat:
        """Returns size and time of a file."""
        with self._errors():
            value = _gfile().stat(self.text)
        return Stat(value.length, value.mtime_nsec)

    def iterdir(self) -> Iterator[Self]:
        """Yields what a directory holds, by one listing."""
        with self._errors():
            names = _gfile().listdir(self.text)
        # Some stores mark directories by a slash.
        yield from (self / name.rstrip("/") for name in names)

    def glob(self, pattern: str) -> Iterator[Self]:
        """Yields what a directory holds under names that match."""
        if "/" in pattern:
            raise ValueError(
                f"A pattern must be of one name. Received: {pattern!r}"
            )
        with contextlib.suppress(FileNotFoundError):
            yield from (
                path
                for path in self.iterdir()
                if fnmatch.fnmatchcase(path.name, pattern)
            )

    def mkdir(self, *, parents: bool = True, exist_ok: bool = False) -> None:
        """Makes a directory and, whatever `parents` says, its parents."""
        del parents
        if not exist_ok and self.exists():
            raise FileExistsError(errno.EEXIST, "exists", self.text)
        with self._errors():
            _gfile().makedirs(self.text)

    def unlink(self, *, missing_ok: bool = False) -> None:
        """Deletes a file."""
        try:
            with self._errors():
                _gfile().remove(self.text)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def make_room(self) -> None:
        """Lets a new file replace an older one, also in TensorFlow's memory.

        There, `w` appends (TensorFlow 2.21). Other stores keep the older file
        until the new one is closed.
        """
        if self.text.startswith("ram://"):
            self.unlink(missing_ok=True)

    def remove_tree(self) -> None:
        """Deletes a directory and all below it."""
        with self._errors():
            _gfile().rmtree(self.text)

    def replace(self, target: Self) -> None:
        """Renames a file, over an older one; a copy in an object store."""
        with self._errors():
            _gfile().rename(self.text, target.text, overwrite=True)

    def open(
        self,
        mode: str = "r",
        encoding: str | None = None,
        newline: str | None = None,
    ) -> Any:
        """Opens a file to read (`r`), write (`w`) or append (`a`).

        In an object store, a written file appears once it is closed.
        """
        kind = mode.replace("b", "").replace("t", "")
        if kind not in ("r", "w", "a"):
            raise ValueError(f"Mode must be r, w or a. Received: {mode!r}")
        raw = _RawFile(self, kind)
        stream = (
            io.BufferedReader(raw) if kind == "r" else io.BufferedWriter(raw)
        )
        if "b" in mode:
            return stream
        return io.TextIOWrapper(stream, encoding or "utf-8", newline=newline)

    def read_bytes(self) -> bytes:
        """Returns the content of a file."""
        with self._errors(), _gfile().GFile(self.text, "rb") as file:
            return bytes(file.read())

    def read_text(self, encoding: str = "utf-8") -> str:
        """Returns the content of a text file."""
        return self.read_bytes().decode(encoding)

    def write_bytes(self, content: bytes) -> int:
        """Writes a file and returns its size."""
        self.make_room()
        with self._errors(), _gfile().GFile(self.text, "wb") as file:
            file.write(content)
        return len(content)

    def write_text(self, text: str, encoding: str = "utf-8") -> int:
        """Writes a text file and returns its size."""
        return self.write_bytes(text.encode(encoding))

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Raises the errors of TensorFlow as those of `pathlib`."""
        from tensorflow import errors

        try:
            yield
        except errors.NotFoundError as error:
            raise FileNotFoundError(
                errno.ENOENT, "No such file or directory", self.text
            ) from error
        except (errors.PermissionDeniedError, errors.UnauthenticatedError) as e:
            raise PermissionError(errno.EACCES, e.message, self.text) from e
        except errors.UnimplementedError as error:
            known = sorted(filter(None, _gfile().get_registered_schemes()))
            raise ValueError(
                f"TensorFlow must know the file system of {self.text}. It "
                f"knows {known}. The package tensorflow-io adds s3:// and "
                "hdfs://: install it, or name a path that is known."
            ) from error
        except errors.OpError as error:
            raise OSError(f"{self.text}: {error.message}") from error


Path = pathlib.Path | GfilePath


def open_path(text: str | Path) -> Path:
    """Returns the path that a text names; `~` is the home directory."""
    if isinstance(text, GfilePath):
        return text
    if _SEPARATOR in str(text):
        return GfilePath(str(text))
    return pathlib.Path(text).expanduser()


def is_remote(path: str | Path) -> bool:
    """Returns whether a path is one of tf.io.gfile.

    There, a rename may be a copy, nothing can be locked or synced, and the
    free space is unknown.
    """
    return isinstance(open_path(path), GfilePath)


class _RawFile(io.RawIOBase):
    """A file of tf.io.gfile as Python's `io` wants it."""

    def __init__(self, path: GfilePath, kind: str) -> None:
        self._path = path
        self._kind = kind
        if kind == "w":
            path.make_room()
        self._file = _gfile().GFile(path.text, kind + "b")
        with path._errors():
            # GFile opens late.
            self._file.tell() if kind == "r" else self._file.write(b"")

    def readable(self) -> bool:
        return self._kind == "r"

    def writable(self) -> bool:
        return self._kind != "r"

    def seekable(self) -> bool:
        return self._kind == "r"

    def readinto(self, buffer: Any) -> int:
        with self._path._errors():
            content = self._file.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def write(self, content: Any) -> int:
        with self._path._errors():
            self._file.write(bytes(content))
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with self._path._errors():
            self._file.seek(offset, whence)
        return self.tell()

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        if not self.closed:
            super().close()
            with self._path._errors():
                self._file.close()


@functools.cache
def _gfile() -> Any:
    """Returns tf.io.gfile; programs that print their help do without it."""
    from tensorflow.io import gfile

    # Its import adds its file systems.
    if importlib.util.find_spec("tensorflow_io"):
        importlib.import_module("tensorflow_io")
    return gfile
