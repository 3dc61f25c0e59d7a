"""Files that survive a kill: locked, written aside, synced, renamed.

In a store of tf.io.gfile, an object appears whole when it is closed and a
rename is a copy: there a file is written under its name, and the manifest,
written last, makes a set of what is there.
"""

import contextlib
import errno
import fcntl
import json
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator
from typing import IO, Any, TypeVar

from tfrecords import leases, paths, system_errors

LOCK = ".lock"
# End of the name of a file while it is written.
WRITING = ".writing"
P = TypeVar("P", bound=paths.Path)


@contextlib.contextmanager
def lock(directory: paths.Path) -> Iterator[None]:
    """Holds a directory for one process.

    On a disk the kernel frees it after a kill, also over NFS; in a store, see
    `leases.hold`.

    Who holds it may remove the lock's file at the end.

    Raises:
        RuntimeError: If another process holds it: says which, on which host
            and since when.
        OSError: If the file system has no locks.
    """
    if isinstance(directory, paths.GfilePath):
        with leases.hold(directory / LOCK):
            yield
        return
    with _locked(directory / LOCK) as file:
        with system_errors.while_writing(directory / LOCK):
            file.truncate(0)
            file.write(json.dumps(leases.holder()))
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
        except BlockingIOError as error:
            with file:
                file.seek(0)
                raise RuntimeError(
                    leases.refusal(path.parent, leases.parse(file.read()))
                ) from error
        except OSError as error:
            file.close()
            raise OSError(
                f"{path} cannot be locked: {error.strerror}. Name a directory "
                "on another file system."
            ) from error
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()


def aside(directory: P) -> P:
    """Returns where a directory is filled before it gets its name.

    In a store, that is the directory itself.
    """
    if paths.is_remote(directory):
        return directory
    sibling: Any = directory.with_name(directory.name + ".incomplete")
    return sibling


def make_directory(directory: paths.Path, flag: str) -> None:
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
        # What a store allows shows when the first file is written.
        is_writable = paths.is_remote(directory) or os.access(
            str(directory), os.W_OK
        )
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


def write_bytes(path: paths.Path, content: bytes) -> None:
    """Writes a file whole or not at all."""
    _write_whole(
        path, lambda temporary: temporary.write_bytes(content), len(content)
    )


def write_text(path: paths.Path, text: str) -> None:
    """Writes text whole or not at all, as UTF-8."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: paths.Path, value: Any) -> None:
    """Writes JSON whole or not at all, indented, its keys sorted."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True))


def write_with(path: P, write: Callable[[P], object]) -> None:
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
    path: P, write: Callable[[P], object], num_bytes: int | None = None
) -> None:
    temporary = writing(path)
    try:
        with system_errors.while_writing(path, num_bytes):
            write(temporary)
            _publish(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):  # the first error is the cause
            temporary.unlink(missing_ok=True)
        raise


def writing(path: P) -> P:
    """Returns the name under which a file is written, for `publish`.

    In a store, that is its own name.
    """
    if isinstance(path, paths.GfilePath):
        path.make_room()
        return path
    sibling: Any = path.with_name(path.name + WRITING)
    return sibling


def publish(written: P, path: P) -> None:
    """Gives a finished file its name once the disk holds its content."""
    with system_errors.while_writing(path):
        _publish(written, path)


def _publish(written: P, path: P) -> None:
    if written == path:
        return
    _sync(written)
    written.replace(path)  # type: ignore[arg-type]
    _sync(path.parent)


def sync(path: paths.Path) -> None:
    """Waits until the disk holds a file, or the names in a directory.

    A store holds a file once it is closed.
    """
    with system_errors.while_writing(path):
        _sync(path)


def _sync(path: paths.Path) -> None:
    if isinstance(path, paths.GfilePath):
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_tree(directory: paths.Path) -> None:
    """Deletes a directory and all below it."""
    if isinstance(directory, paths.GfilePath):
        directory.remove_tree()
    else:
        shutil.rmtree(directory)
