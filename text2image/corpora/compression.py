"""Files as they are, or decompressed while they are read."""

import bz2
import contextlib
import gzip
import io
import lzma
import pathlib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, cast

# Suffix to the function that opens such a file.
_OPENERS: dict[str, Callable[[pathlib.Path], Any]] = {
    ".gz": gzip.GzipFile,
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
}
SUFFIXES = (*_OPENERS, ".zip")
_BUFFER_SIZE = 1 << 16
_IS_ENCRYPTED = 0x1  # bit of a zip member's flags


def inner_name(path: pathlib.Path) -> str:
    """Name of the file without its compression: `a.csv` of `a.csv.gz`.

    Raises:
        ValueError: If a .zip file is damaged or does not have one member.
    """
    suffix = path.suffix.lower()
    if suffix == ".zip":
        with _named_errors(path):
            return pathlib.PurePosixPath(_member(path).filename).name
    return path.stem if suffix in _OPENERS else path.name


@contextlib.contextmanager
def open_bytes(path: pathlib.Path) -> Iterator[BinaryIO]:
    """Opens a file for reading; .gz, .bz2, .xz and .zip are decompressed.

    Raises:
        ValueError: If the file is damaged, also while it is read; or a .zip
            file does not have one member.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        with path.open("rb") as file:
            yield file
        return
    stream: Any
    with _named_errors(path), contextlib.ExitStack() as stack:
        if suffix == ".zip":
            archive = stack.enter_context(zipfile.ZipFile(path))
            stream = stack.enter_context(archive.open(_member(path)))
        else:
            stream = stack.enter_context(_OPENERS[suffix](path))
        # Their own `readline` is slow.
        yield cast(BinaryIO, io.BufferedReader(stream, _BUFFER_SIZE))


@contextlib.contextmanager
def _named_errors(path: pathlib.Path) -> Iterator[None]:
    """Names the file in the errors of a decompressor."""
    try:
        yield
    except (
        EOFError,
        OSError,
        zlib.error,
        lzma.LZMAError,
        zipfile.BadZipFile,
        NotImplementedError,  # a zip compression that Python does not know
    ) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the file system
        raise ValueError(
            f"{path}: expected a whole {path.suffix} file. Received: a "
            f"damaged or truncated one ({error}). Fetch or make it again."
        ) from error


def _member(path: pathlib.Path) -> zipfile.ZipInfo:
    with zipfile.ZipFile(path) as archive:
        members = [
            member
            for member in archive.infolist()
            if not member.is_dir()
            and not member.filename.startswith("__MACOSX/")
        ]
    if len(members) != 1:
        names = [member.filename for member in members]
        raise ValueError(
            f"{path}: expected one file in it. Received: {len(names)}"
            f"{shown(names)}. Unpack it and name the file or the folder."
        )
    if members[0].flag_bits & _IS_ENCRYPTED:
        raise ValueError(
            f"{path}: expected no password. Received: an encrypted file. "
            "Unpack it."
        )
    return members[0]


def shown(names: list[str], most: int = 10) -> str:
    """Names in brackets for a message, at most `most`; empty for none."""
    if not names:
        return ""
    more = f", and {len(names) - most} more" if len(names) > most else ""
    return f" ({', '.join(map(repr, names[:most]))}{more})"
