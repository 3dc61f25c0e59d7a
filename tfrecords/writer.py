"""Writes a set of records shard by shard, in one process."""

from collections.abc import Iterable
from concurrent import futures
from typing import Any, Self

from tfrecords import schema
from tfrecords.paths import Path
from tfrecords.units import shard_files
from tfrecords.units.unfinished_set import UnfinishedSet


class RecordWriter(UnfinishedSet):
    """Writes a set. Use as a context manager.

    While a shard is written, a thread syncs, names and marks the one before.
    """

    def __init__(
        self,
        directory: Path,
        record_schema: schema.Schema,
        provenance: dict[str, Any],
        num_shards: dict[str, int],
    ) -> None:
        """Stores the arguments; `__enter__` locks and reads the journal.

        Args:
            directory: `<...>/<kind>/<config>/<version>`.
            record_schema: Schema of the records.
            provenance: What the records depend on.
            num_shards: Split name to its number of shards.
        """
        super().__init__(directory, provenance)
        self._schema = record_schema
        self._num_shards = num_shards
        self._settled: futures.Future[shard_files.Mark] | None = None

    def __enter__(self) -> Self:
        """As `UnfinishedSet`; starts the thread."""
        super().__enter__()
        self._thread = self._stack.enter_context(futures.ThreadPoolExecutor(1))
        return self

    def __exit__(self, *_: object) -> None:
        """Releases the lock; unfinished work stays for the next run."""
        with self._stack:
            self._wait()

    @property
    def num_finished(self) -> int:
        """Number of shards that need not be written again."""
        return sum(
            self.is_finished(split, index)
            for split, count in self._num_shards.items()
            for index in range(count)
        )

    def is_finished(self, split: str, index: int) -> bool:
        """Returns whether a shard need not be written again."""
        name = self._name(split, index)
        return shard_files.finished(self.working_directory / name) is not None

    def write_shard(
        self, split: str, index: int, records: Iterable[bytes]
    ) -> None:
        """Writes one shard under a temporary name; a thread does the rest.

        Raises:
            OSError: If the disk does not hold this shard or the one before.
        """
        written = shard_files.write(
            self.working_directory / self._name(split, index), records
        )
        self._wait()
        self._settled = self._thread.submit(shard_files.settle, written, {})

    def keep_files(
        self, names: Iterable[str], *, until_published: bool = False
    ) -> None:
        """As `UnfinishedSet`."""
        self._wait()
        super().keep_files(names, until_published=until_published)

    def finish(
        self, description: str, details: dict[str, Any]
    ) -> schema.Manifest:
        """As `UnfinishedSet.publish`."""
        self._wait()
        return self.publish(
            self._schema, self._num_shards, description, details
        )

    def _wait(self) -> None:
        """Waits until the newest shard is marked; raises what prevented it."""
        settled, self._settled = self._settled, None
        if settled is not None:
            settled.result()

    def _name(self, split: str, index: int) -> str:
        return schema.shard_name(
            self._schema.kind, split, index, self._num_shards[split]
        )
