"""Files that survive a kill: locked, written aside, synced, renamed."""

import contextlib
import errno
import fcntl
import os
import pathlib
from collections.abc import Iterator

LOCK = ".lock"


@contextlib.contextmanager
def lock(directory: pathlib.Path) -> Iterator[None]:
    """Holds a directory for one process; the kernel frees it on a kill."""
    with (directory / LOCK).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise RuntimeError(
                f"Process {file.read().strip() or '?'} is already writing "
                f"{directory}. Wait for it, or stop it first."
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def aside(directory: pathlib.Path) -> pathlib.Path:
    """Where a directory is made before it gets its name."""
    return directory.with_name(directory.name + ".incomplete")


def make_directory(directory: pathlib.Path, flag: str) -> None:
    """Makes a directory, or finds it, that can be written into.

    Args:
        directory: It.
        flag: The option that names another, for the error.

    Raises:
        PermissionError: If it cannot be made or written: no permission, or a
            read-only file system.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        allowed = os.access(directory, os.W_OK)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        allowed = False
    if not allowed:
        raise PermissionError(
            f"{directory.resolve()} cannot be written: no permission, or a "
            "read-only disk. Work in another directory, or name one with "
            f"--{flag}."
        )


def write_bytes(path: pathlib.Path, content: bytes) -> None:
    """Writes a file aside, syncs it and renames it."""
    aside = path.with_name(path.name + ".writing")
    aside.write_bytes(content)
    sync(aside)
    os.replace(aside, path)
    sync(path.parent)


def write_text(path: pathlib.Path, text: str) -> None:
    """The same for text, as UTF-8."""
    write_bytes(path, text.encode("utf-8"))


def sync(path: pathlib.Path) -> None:
    """Waits until the disk holds a file or a directory's names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
