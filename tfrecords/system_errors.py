"""Errors of the disk and the system in words: which file, what to do.

A write or a sync that fails carries no file name, and TensorFlow's own writers
raise errors of their own. Both become one sentence. This module imports no
TensorFlow: `--help` reaches it.
"""

import contextlib
import errno
import os
import pathlib
import re
import shutil
from collections.abc import Iterator

from tfrecords import paths

# What an error means for a file, with a cure.
CAUSES = {
    errno.EACCES: "may not be read or written. Change its permissions",
    errno.EDQUOT: "does not fit into your quota of the disk. Free some space",
    errno.EEXIST: "exists already. Name another",
    errno.EFBIG: "is larger than a file may be here. Raise the limit (ulimit "
    "-f), or name a place on another file system",
    errno.EIO: "cannot be read or written: the disk reports an input/output "
    "error. Check the disk",
    errno.EISDIR: "is a directory where a file is expected. Name a file in it",
    errno.EMFILE: "cannot be opened: this process may not open more files. "
    "Raise the limit (ulimit -n)",
    errno.ENAMETOOLONG: "has a name of more than 255 bytes. Name a shorter one",
    errno.ENFILE: "cannot be opened: the system has too many open files. "
    "Close other programs",
    errno.ENOENT: "does not exist. Check the spelling",
    errno.ENOSPC: "does not fit on the disk. Free some space",
    errno.ENOTDIR: "is below a file, not a directory. Name another",
    errno.ENOTEMPTY: "is not empty. Name another",
    errno.EROFS: "is on a read-only disk. Name another place",
}
# Errors after whose cure the same command succeeds.
_AGAIN = (
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOSPC,
)
_FULL = (errno.EDQUOT, errno.ENOSPC)
# How TensorFlow reports the system's errors: `path; No space left on device`.
_CODES = {os.strerror(code): code for code in CAUSES}
_IN_TENSORFLOW = re.compile(
    rf"(?:(?P<path>[^\s;]+); )?(?P<cause>{'|'.join(map(re.escape, _CODES))})"
)


@contextlib.contextmanager
def while_writing(
    path: paths.Path, num_bytes: int | None = None
) -> Iterator[None]:
    """Names a file in every error of the system that its writing raises.

    Args:
        path: The file or directory.
        num_bytes: Its size, if that is known.

    Raises:
        OSError: In place of an error of the system or of TensorFlow; of the
            same class and `errno`, its message is a sentence.
    """
    try:
        yield
    except Exception as error:
        code = code_of(error)
        about = _path_of(error)
        # What is written may be read from other files, which fail, too.
        if code is None or (about and not about.startswith(str(path))):
            raise
        kind = type(error) if isinstance(error, OSError) else OSError
        named = kind(sentence(code, path, num_bytes))
        named.errno = code
        raise named from error


def explain(error: BaseException) -> str | None:
    """Puts an error of the system or of TensorFlow's writers into words.

    Returns:
        What happened, with the cure; `None` if it is another error, or has a
        message of ours.
    """
    code = code_of(error)
    if code is None:
        return None
    return sentence(code, _path_of(error))


def _path_of(error: BaseException) -> str | None:
    """The file that an error names, if it does."""
    if isinstance(error, OSError):
        path = error.filename2 or error.filename
        return None if path is None else os.fsdecode(path)
    match = _IN_TENSORFLOW.search(str(error))
    return match["path"] if match else None


def code_of(error: BaseException) -> int | None:
    """Number of an error in `CAUSES`; `None` for other errors and for ours."""
    if isinstance(error, OSError):
        # Errors with a message of ours have one argument.
        is_raw = len(error.args) > 1
        return error.errno if is_raw and error.errno in CAUSES else None
    if type(error).__module__.startswith("tensorflow."):
        match = _IN_TENSORFLOW.search(str(error))
        return _CODES[match["cause"]] if match else None
    return None


def sentence(
    code: int,
    path: str | paths.Path | None,
    num_bytes: int | None = None,
) -> str:
    """Says what an error means for a file.

    Args:
        code: Number in `CAUSES`.
        path: The file; `None` if it is not known.
        num_bytes: Its size, if that is known.
    """
    name = "A file" if path is None else str(path)
    if num_bytes is not None:
        name += f" ({num_bytes:,} bytes)"
    cause, _, cure = CAUSES[code].partition(". ")
    if code in _FULL and path is not None:
        with contextlib.suppress(OSError):
            free = shutil.disk_usage(pathlib.Path(str(path)).parent)
            cause += f", where {free.free:,} bytes are free"
    again = " and run the same command again" if code in _AGAIN else ""
    return f"{name} {cause}. {cure}{again}."
