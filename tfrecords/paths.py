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
import io
import pathlib
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

from tfrecords import gfiles

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
        with gfiles.errors(self.text):
            return bool(gfiles.module().exists(self.text))

    def is_dir(self) -> bool:
        """Returns whether this is a directory, or a prefix of names."""
        with gfiles.errors(self.text):
            return bool(gfiles.module().isdir(self.text))

    def is_file(self) -> bool:
        """Returns whether this is a file."""
        return self.exists() and not self.is_dir()

    def stat(self) -> Stat:
        """Returns size and time of a file."""
        with gfiles.errors(self.text):
            value = gfiles.module().stat(self.text)
        return Stat(value.length, value.mtime_nsec)

    def iterdir(self) -> Iterator[Self]:
        """Yields what a directory holds, by one listing."""
        with gfiles.errors(self.text):
            names = gfiles.module().listdir(self.text)
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
        with gfiles.errors(self.text):
            gfiles.module().makedirs(self.text)

    def unlink(self, *, missing_ok: bool = False) -> None:
        """Deletes a file."""
        try:
            with gfiles.errors(self.text):
                gfiles.module().remove(self.text)
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
        with gfiles.errors(self.text):
            gfiles.module().rmtree(self.text)

    def replace(self, target: Self) -> None:
        """Renames a file, over an older one; a copy in an object store."""
        with gfiles.errors(self.text):
            gfiles.module().rename(self.text, target.text, overwrite=True)

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
        if kind == "w":
            self.make_room()
        raw = gfiles.open_raw(self.text, kind)
        stream = (
            io.BufferedReader(raw) if kind == "r" else io.BufferedWriter(raw)
        )
        if "b" in mode:
            return stream
        return io.TextIOWrapper(stream, encoding or "utf-8", newline=newline)

    def read_bytes(self) -> bytes:
        """Returns the content of a file."""
        with (
            gfiles.errors(self.text),
            gfiles.module().GFile(self.text, "rb") as file,
        ):
            return bytes(file.read())

    def read_text(self, encoding: str = "utf-8") -> str:
        """Returns the content of a text file."""
        return self.read_bytes().decode(encoding)

    def write_bytes(self, content: bytes) -> int:
        """Writes a file and returns its size."""
        self.make_room()
        with (
            gfiles.errors(self.text),
            gfiles.module().GFile(self.text, "wb") as file,
        ):
            file.write(content)
        return len(content)

    def write_text(self, text: str, encoding: str = "utf-8") -> int:
        """Writes a text file and returns its size."""
        return self.write_bytes(text.encode(encoding))


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
