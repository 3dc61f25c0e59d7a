"""One shard as a unit of work: written aside, synced, renamed, marked.

The mark `<shard>.done.json` comes last and says what the shard holds. So a
shard that is written twice, by two processes at once or after a kill, ends as
the same bytes, and whoever coordinates reads marks, never a process's answer.
"""

import dataclasses
import json
import pathlib
import uuid
from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from text2image import hashes
from tfrecords import files, schema

MARK = ".done.json"
# Bytes that frame a record: its length (8) and two checksums (4 each).
_FRAME = 16


@dataclasses.dataclass(frozen=True)
class Written:
    """A shard under its temporary name."""

    temporary: pathlib.Path
    name: str
    num_examples: int
    num_bytes: int


@dataclasses.dataclass(frozen=True)
class Mark:
    """What a finished shard holds.

    Attributes:
        shard: The shard, as the manifest lists it.
        details: Counts that were made along the way.
    """

    shard: schema.Shard
    details: dict[str, Any]


def temporary_path(directory: pathlib.Path, name: str) -> pathlib.Path:
    """Returns where a file is written before it gets its name."""
    return directory / f"{name}.writing-{uuid.uuid4().hex}"


def write(
    directory: pathlib.Path, name: str, records: Iterable[bytes]
) -> Written:
    """Writes a shard under a temporary name.

    Raises:
        OSError: If the disk does not hold it.
    """
    temporary = temporary_path(directory, name)
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
        raise OSError(f"{name} was not written: {error.message}") from error
    # A full disk has been seen to lose records without an error.
    size_on_disk = temporary.stat().st_size
    if size_on_disk != size:
        raise OSError(
            f"{temporary}: wrote {size} bytes but the disk holds "
            f"{size_on_disk}. Free some space and run the same command again."
        )
    return Written(temporary, name, count, size)


def settle(written: Written, details: dict[str, Any]) -> Mark:
    """Syncs a shard, gives it its name and marks it as finished."""
    path = written.temporary.with_name(written.name)
    files.publish(written.temporary, path)
    shard = schema.Shard(
        written.name,
        written.num_examples,
        written.num_bytes,
        hashes.sha256_of_file(path),
    )
    mark = {**dataclasses.asdict(shard), "details": details}
    # Not `files.write_text`: another process may write the same mark now.
    temporary = written.temporary.with_name(written.temporary.name + MARK)
    temporary.write_text(json.dumps(mark), "utf-8")
    files.publish(temporary, path.with_name(path.name + MARK))
    return Mark(shard, details)


def finished(directory: pathlib.Path, name: str) -> Mark | None:
    """Reads the mark of a shard; `None` unless the shard has its size."""
    try:
        value = json.loads((directory / (name + MARK)).read_text("utf-8"))
        details = value.pop("details")
        shard = schema.Shard(**value)
        size = (directory / name).stat().st_size
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if shard.file != name or shard.num_bytes != size:
        return None
    return Mark(shard, details)
