"""The file of a unit: written aside, synced, renamed, marked.

The mark `<file>.done.json` comes last and says what the file holds. So a file
that is written twice, by two processes at once or after a kill, ends with the
same bytes, and whoever coordinates reads marks, never a process's answer.
"""

import dataclasses
import itertools
import json
import pathlib
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from concurrent import futures
from typing import Any

import tensorflow as tf

from text2image import hashes
from tfrecords import files, schema
from tfrecords.paths import GfilePath, Path

MARK = ".done.json"
# Marks that a store is asked for at a time.
REQUESTS = 64
# Bytes that frame a record: its length (8) and two checksums (4 each).
_FRAME = 16


@dataclasses.dataclass(frozen=True)
class Written:
    """A file without its name.

    Attributes:
        path: The file that gets the name.
        temporary: Where the file is.
        num_examples: Number of its examples.
        num_bytes: Its size.
    """

    path: Path
    temporary: pathlib.Path
    num_examples: int
    num_bytes: int


@dataclasses.dataclass(frozen=True)
class Mark:
    """What a finished file holds.

    Attributes:
        shard: The file, as the manifest lists a shard.
        details: Counts that were made along the way.
    """

    shard: schema.Shard
    details: dict[str, Any]


def temporary_path(path: Path) -> pathlib.Path:
    """Returns where a file is written before it gets its name.

    For a store of tf.io.gfile that is a file on this machine, so that it is
    hashed before it is sent. The name is new: another process may write the
    same file.
    """
    name = f"{path.name}.writing-{uuid.uuid4().hex}"
    if isinstance(path, GfilePath):
        return pathlib.Path(tempfile.gettempdir()) / name
    return path.with_name(name)


def write(path: Path, records: Iterable[bytes]) -> Written:
    """Writes a shard under a temporary name.

    Raises:
        OSError: If the disk does not hold it.
    """
    temporary = temporary_path(path)
    count = size = 0
    try:
        with tf.io.TFRecordWriter(str(temporary)) as writer:
            for record in records:
                writer.write(record)
                count += 1
                size += len(record) + _FRAME
    except tf.errors.DataLossError:
        raise  # from the set that `records` reads
    except tf.errors.OpError as error:
        raise OSError(
            f"{path.name} was not written: {error.message}"
        ) from error
    # A full disk has been seen to lose records without an error.
    size_on_disk = temporary.stat().st_size
    if size_on_disk != size:
        raise OSError(
            f"{temporary}: wrote {size} bytes but the disk holds "
            f"{size_on_disk}. Free some space and run the same command again."
        )
    return Written(path, temporary, count, size)


def write_bytes(path: Path, content: bytes, num_examples: int = 0) -> Written:
    """Writes a file that is no shard under a temporary name."""
    temporary = temporary_path(path)
    temporary.write_bytes(content)
    return Written(path, temporary, num_examples, len(content))


def settle(written: Written, details: dict[str, Any]) -> Mark:
    """Gives a file its name, once a disk holds it, and leaves its mark."""
    path = written.path
    shard = schema.Shard(
        path.name,
        written.num_examples,
        written.num_bytes,
        _publish(written.temporary, path),
    )
    mark = _mark_of(path)
    temporary = temporary_path(mark)
    value = {**dataclasses.asdict(shard), "details": details}
    temporary.write_text(json.dumps(value), "utf-8")
    _publish(temporary, mark)
    return Mark(shard, details)


def finished(path: Path) -> Mark | None:
    """Reads the mark of a file; `None` unless the file has its size."""
    try:
        value = json.loads(_mark_of(path).read_text("utf-8"))
        details = value.pop("details")
        shard = schema.Shard(**value)
        size = path.stat().st_size
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if shard.file != path.name or shard.num_bytes != size:
        return None
    return Mark(shard, details)


def read_marks(directory: Path, names: Iterable[str]) -> Iterator[Mark | None]:
    """Reads the marks of files as `finished` does, in order.

    A store takes tens of milliseconds to answer, so it is asked for many at a
    time.
    """
    paths = (directory / name for name in names)
    if not isinstance(directory, GfilePath):
        yield from map(finished, paths)
        return
    with futures.ThreadPoolExecutor(REQUESTS) as pool:
        while chunk := list(itertools.islice(paths, 16 * REQUESTS)):
            yield from pool.map(finished, chunk)


def _mark_of(path: Path) -> Path:
    return path.with_name(path.name + MARK)


def _publish(temporary: pathlib.Path, path: Path) -> str:
    """Renames a file, or sends it to a store; returns its sha256."""
    if not isinstance(path, GfilePath):
        files.publish(temporary, path)
        return hashes.sha256_of_file(path)
    sha256 = hashes.sha256_of_file(temporary)
    path.make_room()
    tf.io.gfile.copy(str(temporary), str(path), overwrite=True)
    temporary.unlink()
    return sha256
