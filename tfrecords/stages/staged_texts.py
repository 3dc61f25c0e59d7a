"""The texts of each shard, in a file of its own, until they are encoded."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tfrecords import files
from tfrecords.paths import Path


@dataclasses.dataclass(frozen=True)
class Text:
    """One text of a shard.

    Attributes:
        id: Id of its record.
        label: Index of its class.
        text: The text.
    """

    id: str
    label: int
    text: str


def file_name(split: str, index: int) -> str:
    """Returns the name of a shard's file."""
    return f"texts-{split}-{index:05d}.jsonl"


def write(
    directory: Path,
    shards: Iterable[tuple[str, int, list[Any]]],
    label_index: Mapping[str | None, int],
    progress: Callable[[int], object],
) -> list[str]:
    """Writes the texts of each shard to a file.

    Args:
        directory: Where the files are written.
        shards: What `encoded_records.deal_shards` yields.
        label_index: Label of an example to the index of its class.
        progress: Called with the number of texts of each file.

    Returns:
        The names of the files.
    """
    names = []
    for split, index, examples in shards:
        lines = (
            json.dumps(
                [example.id, label_index[example.label], example.text],
                ensure_ascii=False,
            )
            for example in examples
        )
        name = file_name(split, index)
        files.write_text(directory / name, "\n".join(lines))
        progress(len(examples))
        names.append(name)
    return names


def read(directory: Path, split: str, index: int) -> list[Text]:
    """Reads the texts of a shard."""
    content = (directory / file_name(split, index)).read_text("utf-8")
    # Not `splitlines`: texts may hold other line separators than "\n".
    return [Text(*json.loads(line)) for line in content.split("\n")]
