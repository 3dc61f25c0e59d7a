"""Is a shard the one that the manifest describes? Asked before it is read.

TFRecord's own checksums protect a record, not a file: a shard of another set
reads without an error.
"""

import os
import re
from collections.abc import Sequence
from concurrent import futures

from absl import logging

from text2image import hashes
from tfrecords import paths
from tfrecords.shard_lists import Shard

# Shards hashed at a time, and above how many bytes the user is told to wait.
_THREADS = 8
_LARGE = 1 << 30
# Path of a shard to what told its content from any other when it was hashed,
# and the sha256.
_Identity = tuple[int, int, int]
_checked: dict[str, tuple[_Identity, str]] = {}


class DamagedShardError(ValueError):
    """A shard is not the one that the manifest describes."""


def check(directory: paths.Path, shard: Shard) -> str:
    """Returns the path of a shard that has its size and sha256.

    A file is hashed once per process, as long as its size, time and inode do
    not change.

    Raises:
        FileNotFoundError: If it is missing.
        DamagedShardError: If it is not the shard that was written.
    """
    path = directory / shard.file
    try:
        identity = _identify(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(missing(path)) from error
    # Put back last: `explain` begins with what was read last.
    known = _checked.pop(str(path), None)
    if known == (identity, shard.sha256):
        _checked[str(path)] = known
        return str(path)
    if identity[0] != shard.num_bytes:
        raise DamagedShardError(wrong_size(path, shard, identity[0]))
    sha256 = hashes.sha256_of_file(path)
    if sha256 != shard.sha256:
        raise DamagedShardError(
            f"{path} must have the sha256 {shard.sha256[:12]}... Received: "
            f"{sha256[:12]}... It was changed, or is of another set. "
            + _cure(directory)
        )
    _checked[str(path)] = (identity, sha256)
    return str(path)


def check_all(directory: paths.Path, shards: Sequence[Shard]) -> list[str]:
    """Returns the paths of shards that are what the manifest describes.

    Raises:
        FileNotFoundError, DamagedShardError: As `check`, of the first.
    """
    new = [s for s in shards if str(directory / s.file) not in _checked]
    if (size := sum(shard.num_bytes for shard in new)) > _LARGE:
        logging.info("records: checking %.1f GB", size / 1e9)
    threads = min(_THREADS, os.cpu_count() or 1)
    with futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda shard: check(directory, shard), shards))


def forget() -> None:
    """Forgets what was checked, as a new process has."""
    _checked.clear()


def missing(path: paths.Path) -> str:
    """Returns the sentence on a shard that is not there."""
    return (
        f"{path} is missing. Delete the directory and build the records again."
    )


def wrong_size(path: paths.Path, shard: Shard, size: int) -> str:
    """Returns the sentence on a shard of the wrong size."""
    return (
        f"{path} must be {shard.num_bytes} bytes. Received: {size}. It was cut "
        f"or changed. {_cure(path.parent)}"
    )


def explain(error: BaseException) -> str | None:
    """Returns what an error of TensorFlow says of a damaged shard.

    It is one from the middle of a `tf.data` pipeline, whose error names no
    file; the shards that this process has read are hashed again.

    Returns:
        A sentence that names the shard; `None` if the error is another one.
    """
    text = str(getattr(error, "message", ""))
    if match := re.search(r"(?:DamagedShard|FileNotFound)Error: (.*)", text):
        return match[1]
    if "ParseExample" in text:
        return (
            f"A record is not what its manifest says ({text.splitlines()[0]})."
            " Find it with: python -m tfrecords.verify DIR"
        )
    if type(error).__name__ != "DataLossError":
        return None
    for name, (_, sha256) in reversed(_checked.items()):
        path = paths.open_path(name)
        if not path.is_file() or hashes.sha256_of_file(path) != sha256:
            return f"{path} was damaged while it was read. {_cure(path.parent)}"
    return (
        f"A file of TFRecords is damaged ({text.splitlines()[0]}). Find it "
        "with: python -m tfrecords.verify DIR"
    )


def _cure(directory: paths.Path) -> str:
    return (
        f"For details run python -m tfrecords.verify {directory}; then delete "
        "the directory and build the records again."
    )


def _identify(path: paths.Path) -> _Identity:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ino
