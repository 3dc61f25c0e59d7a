"""The list of the shards of a split; of a large set, in a file of its own.

A manifest of 10^6 shards would be 200 MB of JSON. Above `LIMIT` shards, each
split has a file with one line of fixed width per shard: a reader finds shard i
by seeking to its line.
"""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

from tfrecords import paths

# Shards in all splits together that are listed in the manifest itself.
LIMIT = 1000
# Examples, bytes and sha256 of a shard; its name follows from its index.
_LINE = "{:>12d} {:>16d} {}\n"
_PATTERN = re.compile(rb" *(\d{1,12})  *(\d{1,16}) ([0-9a-f]{64})\n")
WIDTH = 12 + 1 + 16 + 1 + 64 + 1  # bytes of a line
# What the manifest keeps of a list.
TOTALS = ("num_shards", "num_examples", "num_bytes")


@dataclasses.dataclass(frozen=True)
class Shard:
    """A finished shard, as the manifest describes it."""

    file: str
    num_examples: int
    num_bytes: int
    sha256: str


def shard_name(kind: str, split: str, index: int, count: int) -> str:
    """Returns the file name that TFDS gives a shard."""
    width = max(5, len(str(count)))
    return f"{kind}-{split}.tfrecord-{index:0{width}d}-of-{count:0{width}d}"


def list_name(split: str) -> str:
    """Returns the name of the file that lists the shards of a split."""
    return f"shards-{split}.txt"


@dataclasses.dataclass(frozen=True, eq=False)
class ShardList(Sequence[Shard]):
    """The shards of a split, each read from its line when it is asked for.

    Attributes:
        path: File with one line per shard.
        kind: Kind of the records.
        split: Name of the split.
        num_shards: Number of shards.
        num_examples: Number of examples of all shards.
        num_bytes: Size of all shards in bytes.
    """

    path: paths.Path
    kind: str
    split: str
    num_shards: int
    num_examples: int
    num_bytes: int

    def __len__(self) -> int:
        """Returns the number of shards."""
        return self.num_shards

    def __getitem__(self, index: Any) -> Any:
        """Reads one line, or those of a slice.

        Raises:
            ValueError: If the line is damaged.
        """
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step != 1:
                return [self[i] for i in range(start, stop, step)]
            return list(self._lines(start, stop))
        if not -len(self) <= index < len(self):
            raise IndexError(f"{self.path} has {len(self)} shards: {index}")
        index %= len(self)
        with self.path.open("rb") as file:
            file.seek(index * WIDTH)
            return self._parse(index, file.read(WIDTH))

    def __iter__(self) -> Iterator[Shard]:
        """Reads the lines one after the other."""
        return self._lines(0, len(self))

    def is_whole(self) -> bool:
        """Returns whether the file has a line for every shard."""
        try:
            return self.path.stat().st_size == len(self) * WIDTH
        except FileNotFoundError:
            return False

    def name(self, index: int) -> str:
        """Returns the file name of a shard; reads nothing."""
        return shard_name(self.kind, self.split, index, self.num_shards)

    def to_json(self) -> dict[str, int]:
        """Returns what the manifest keeps of the list."""
        return {name: getattr(self, name) for name in TOTALS}

    def _lines(self, start: int, stop: int) -> Iterator[Shard]:
        with self.path.open("rb") as file:
            file.seek(start * WIDTH)
            for index in range(start, stop):
                yield self._parse(index, file.read(WIDTH))

    def _parse(self, index: int, line: bytes) -> Shard:
        match = _PATTERN.fullmatch(line)
        if not match or len(line) != WIDTH:
            raise ValueError(
                f"{self.path}, line {index + 1}, must be the examples, bytes "
                f"and sha256 of a shard. Received: {line!r}. The file is "
                "damaged. Delete the directory and build the records again."
            )
        return Shard(
            self.name(index), int(match[1]), int(match[2]), match[3].decode()
        )

    @classmethod
    def write(
        cls, path: paths.Path, kind: str, split: str, shards: Iterable[Shard]
    ) -> Self:
        """Writes a list, one shard after the other.

        Args:
            path: File to write.
            kind: Kind of the records.
            split: Name of the split.
            shards: The shards, in order; any number.
        """
        totals = dict.fromkeys(TOTALS, 0)
        with path.open("wb") as file:
            for shard in shards:
                line = _LINE.format(
                    shard.num_examples, shard.num_bytes, shard.sha256
                ).encode()
                file.write(line)
                totals["num_shards"] += 1
                totals["num_examples"] += shard.num_examples
                totals["num_bytes"] += shard.num_bytes
        return cls(path, kind, split, **totals)


def num_examples(shards: Sequence[Shard]) -> int:
    """Returns the number of examples; reads no line of a `ShardList`."""
    if isinstance(shards, ShardList):
        return shards.num_examples
    return sum(shard.num_examples for shard in shards)


def file_names(shards: Sequence[Shard]) -> Iterator[str]:
    """Yields the names of all shards; reads no line of a `ShardList`."""
    if isinstance(shards, ShardList):
        return map(shards.name, range(len(shards)))
    return (shard.file for shard in shards)


def num_bytes(shards: Sequence[Shard]) -> int:
    """Returns the size of all shards; reads no line of a `ShardList`."""
    if isinstance(shards, ShardList):
        return shards.num_bytes
    return sum(shard.num_bytes for shard in shards)
