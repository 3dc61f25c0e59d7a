"""Files that survive a kill: locked, written aside, synced, renamed."""

import contextlib
import errno
import fcntl
import json
import os
import pathlib
from collections.abc import Callable, Iterator
from typing import IO, Any

from tfrecords import system_errors

LOCK = ".lock"


@contextlib.contextmanager
def lock(directory: pathlib.Path) -> Iterator[None]:
    """Holds a directory for one process; the kernel frees it after a kill.

    Who holds it may remove the lock's file at the end.

    Raises:
        RuntimeError: If another process holds it.
    """
    path = directory / LOCK
    with _locked(path) as file:
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _locked(path: pathlib.Path) -> IO[str]:
    """Opens and locks the file at a path.

    Whoever held the lock may have removed the file after we opened it, and
    another process may hold the lock of a new one.
    """
    while True:
        file = path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            with file:
                file.seek(0)
                raise RuntimeError(
                    f"Process {file.read().strip() or '?'} is already writing "
                    f"{path.parent}. Wait for it to end, or stop it."
                ) from error
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()


def aside(directory: pathlib.Path) -> pathlib.Path:
    """Returns where a directory is filled before it gets its name."""
    return directory.with_name(directory.name + ".incomplete")


def make_directory(directory: pathlib.Path, flag: str) -> None:
    """Makes sure that a directory exists and can be written.

    Args:
        directory: The directory to create.
        flag: The flag that names it, for the error.

    Raises:
        PermissionError: If it cannot be created or written: no permission, or
            a read-only file system.
        FileExistsError, NotADirectoryError: If it, or what should hold it, is
            a file.
        OSError: If its name is too long.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        is_writable = os.access(directory, os.W_OK)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTDIR):
            raise type(error)(
                f"--{flag} must be a directory, new or not. Received: "
                f"{directory}, where there is a file. Name another."
            ) from error
        if error.errno == errno.ENAMETOOLONG:
            raise OSError(
                f"--{flag} must have names of at most 255 bytes. Received: "
                f"{directory}. Name a shorter one."
            ) from error
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        is_writable = False
    if not is_writable:
        raise PermissionError(
            f"{directory.resolve()} cannot be written: no permission, or a "
            "read-only disk. Work in another directory, or name one with "
            f"--{flag}."
        )


def write_bytes(path: pathlib.Path, content: bytes) -> None:
    """Writes a file whole or not at all."""
    _write_whole(
        path, lambda temporary: temporary.write_bytes(content), len(content)
    )


def write_text(path: pathlib.Path, text: str) -> None:
    """Writes text whole or not at all, as UTF-8."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: pathlib.Path, value: Any) -> None:
    """Writes JSON whole or not at all, indented, its keys sorted."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True))


def write_with(
    path: pathlib.Path, write: Callable[[pathlib.Path], object]
) -> None:
    """Lets a library write a file that appears whole or not at all.

    Args:
        path: The file; an older one is replaced.
        write: Writes the content to the path it is given. That path ends in
            `.writing`: tell a library that goes by suffixes the format
            (`savefig(path, format="png")`) or give it an open file.

    Raises:
        OSError: If the disk does not take it; names the file.
    """
    _write_whole(path, write)


def _write_whole(
    path: pathlib.Path,
    write: Callable[[pathlib.Path], object],
    num_bytes: int | None = None,
) -> None:
    temporary = path.with_name(path.name + ".writing")
    try:
        with system_errors.while_writing(path, num_bytes):
            write(temporary)
            _publish(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):  # the first error is the cause
            temporary.unlink(missing_ok=True)
        raise


def publish(written: pathlib.Path, path: pathlib.Path) -> None:
    """Gives a finished file its name once the disk holds its content."""
    with system_errors.while_writing(path):
        _publish(written, path)


def _publish(written: pathlib.Path, path: pathlib.Path) -> None:
    _sync(written)
    os.replace(written, path)
    _sync(path.parent)


def sync(path: pathlib.Path) -> None:
    """Waits until the disk holds a file, or the names in a directory."""
    with system_errors.while_writing(path):
        _sync(path)


def _sync(path: pathlib.Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
