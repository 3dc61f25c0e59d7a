"""Files that survive a kill: locked, written aside, synced, renamed."""

import contextlib
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
