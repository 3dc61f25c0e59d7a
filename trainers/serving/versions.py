"""Numbered versions of an export in one directory, as TF Serving reads them."""

import contextlib
import fcntl
import os
import pathlib
import re
import shutil
from collections.abc import Callable, Iterator

from tfrecords import files

# Not numbers: servers ignore these folders.
CORE = "core"
_ASIDE = "incomplete"


def numbers(out: pathlib.Path) -> list[int]:
    """The versions in a directory, ascending."""
    if not out.is_dir():
        return []
    return sorted(
        int(path.name)
        for path in out.iterdir()
        if re.fullmatch("[1-9][0-9]*", path.name)
    )


def publish(
    out: pathlib.Path, write: Callable[[pathlib.Path], None]
) -> pathlib.Path:
    """Adds a version that appears whole or not at all.

    Args:
        out: Directory of the versions; created if missing.
        write: Creates the directory that it is given, and fills it. A folder
            `core` in it becomes `<out>/core/<version>`.

    Returns:
        `<out>/<version>`, one above the highest.

    Raises:
        RuntimeError: If another process is writing to `out`.
        OSError: If the files cannot be written; `out` is left as it was.
    """
    files.make_directory(out, "out")
    with _lock(out):
        aside = out / _ASIDE
        shutil.rmtree(aside, ignore_errors=True)
        try:
            write(aside)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        for path in (*aside.rglob("*"), aside):
            files.sync(path)
        core = out / CORE
        taken = numbers(out) + numbers(core)
        name = str(max(taken, default=0) + 1)
        if (aside / CORE).is_dir():
            # First: whoever sees the version finds its core, too.
            core.mkdir(exist_ok=True)
            os.rename(aside / CORE, core / name)
            files.sync(core)
        os.rename(aside, out / name)
        files.sync(out)
    return out / name


@contextlib.contextmanager
def _lock(directory: pathlib.Path) -> Iterator[None]:
    """Holds a directory for one process; the kernel frees it on a kill.

    Not `files.lock`: its file would lie among the versions.
    """
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RuntimeError(
                f"Another process is exporting to {directory}. Wait for it, "
                "or name another --out."
            ) from error
        yield
    finally:
        os.close(descriptor)
