"""The texts of a shard: staged in a file of its own, or read from a range.

With an index, one process deals the corpus out to files, which are removed once
they are encoded. Split by hashes, a shard is what one side has of a range of
the corpus, and whoever encodes it reads the range.
"""

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from text2image.corpora import hashed, ranges
from text2image.corpora.ranges import Range
from text2image.corpora.rows import Fault
from tfrecords import files
from tfrecords.config import RecordsConfig
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


def of_range(
    settings: RecordsConfig,
    label_index: Mapping[str | None, int],
    piece: Range,
    side: int | None = None,
) -> Iterator[Text]:
    """Streams the texts of a range.

    Args:
        settings: Corpus and seed of the split.
        label_index: Label to class, of the labels that are used.
        piece: The range.
        side: The side whose texts are wanted; `None` for all.
    """
    for item in ranges.read(
        settings.dataset, settings.data_dir or None, settings.reading, piece
    ):
        if isinstance(item, Fault) or item.label not in label_index:
            continue
        if side in (None, hashed.side_of(item.text, settings.split_seed)):
            yield Text(item.id, label_index[item.label], item.text)
