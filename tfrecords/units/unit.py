"""A build as units of work that any engine can run.

A stage makes one file per unit, from its plan alone: whoever runs a unit, how
often and in which order, its file has the same bytes. Only its mark says that
it is finished.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self, TypeVar

from tfrecords.paths import Path
from tfrecords.units import shard_files

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Unit:
    """What makes one file.

    Attributes:
        file: Name of the file.
        size: Number of its examples, for the progress bar.
        key: What tells the stage which unit it is: split and index, say.
    """

    file: str
    size: int
    key: tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class Product:
    """What a stage made of a unit: a file without its name, not yet marked.

    Attributes:
        written: The file.
        details: Counts that its mark keeps.
    """

    written: shard_files.Written
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def finish(self) -> None:
        """Gives the file its name and leaves its mark."""
        shard_files.settle(self.written, dict(self.details))


class Stage(Protocol[T]):
    """Makes files from units.

    Attributes:
        directory: Where the files are.
        plan: What `open` opens it from again, in another process.
        name: Name for the progress bar.
        noun: What an example is called there.
    """

    directory: Path
    plan: str
    name: str
    noun: str

    @classmethod
    def open(cls, plan: str) -> Self:
        """Opens the stage in a process that did not make the plan."""

    def read(self, unit: Unit) -> T:
        """Reads what `write` needs; may run while another unit is written."""

    def write(
        self, unit: Unit, content: T, progress: Callable[[int], object]
    ) -> Product:
        """Writes the file under a temporary name.

        Args:
            unit: The unit.
            content: What `read` gave.
            progress: Called with the number of examples done since.
        """
