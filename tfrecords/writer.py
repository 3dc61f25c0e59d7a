"""Writes a record directory that is whole or absent.

Everything goes to `<directory>.incomplete`. Each shard is written under a
temporary name; then, while the next one is written, it is synced, renamed,
hashed and noted in a journal. After the last shard, TFDS's metadata and then
the manifest are written, and the directory gets its name. A killed run leaves
its finished shards; the next run with the same fingerprint resumes after them.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
from collections.abc import Iterable
from concurrent import futures
from typing import Any, Self

import tensorflow as tf
from absl import logging

from text2image import hashes
from tfrecords import files, schema, tfds_metadata
from tfrecords.settings import fingerprint

_JOURNAL = "journal.json"
# Bytes that frame a record: its length (8) and two checksums (4 each).
_FRAME = 16


class RecordWriter:
    """Writes a set shard by shard. Use as a context manager.

    Attributes:
        directory: Directory of the finished set.
    """

    def __init__(
        self,
        directory: pathlib.Path,
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
        self.directory = directory
        self._schema = record_schema
        self._provenance = provenance
        self._fingerprint = fingerprint(provenance)
        self._num_shards = num_shards
        self._aside = files.aside(directory)
        self._finished: dict[str, schema.Shard] = {}
        self._files: dict[str, str] = {}
        self._stack = contextlib.ExitStack()
        self._settled: futures.Future[None] | None = None

    def __enter__(self) -> Self:
        """Locks the directory and finds the shards of an earlier run.

        Raises:
            RuntimeError: If another process is writing here.
        """
        self._aside.mkdir(parents=True, exist_ok=True)
        self._stack.enter_context(files.lock(self._aside))
        try:
            self._resume()
            self._thread = self._stack.enter_context(
                futures.ThreadPoolExecutor(1)
            )
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Releases the lock; unfinished work stays for the next run."""
        with self._stack:
            self._wait()

    @property
    def num_finished(self) -> int:
        """Number of shards that need not be written again."""
        return len(self._finished)

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files that `keep_files` noted, also in earlier runs."""
        return tuple(self._files)

    def is_finished(self, split: str, index: int) -> bool:
        """Returns whether a shard need not be written again."""
        return self._name(split, index) in self._finished

    def write_shard(
        self, split: str, index: int, records: Iterable[bytes]
    ) -> None:
        """Writes one shard under a temporary name; a thread does the rest.

        Raises:
            OSError: If the disk does not hold this shard or the one before.
        """
        name = self._name(split, index)
        temporary = self._aside / f"{name}.writing"
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
                f"{size_on_disk}. Free some space and run the same command "
                "again."
            )
        self._wait()
        self._settled = self._thread.submit(
            self._settle, temporary, name, count, size
        )

    def _settle(
        self, temporary: pathlib.Path, name: str, count: int, size: int
    ) -> None:
        """Syncs a shard, gives it its name and notes it."""
        files.publish(temporary, self._aside / name)
        sha256 = hashes.sha256_of_file(self._aside / name)
        self._finished[name] = schema.Shard(name, count, size, sha256)
        self._write_journal()

    def _wait(self) -> None:
        """Waits until the newest shard is noted; raises what prevented it."""
        settled, self._settled = self._settled, None
        if settled is not None:
            settled.result()

    def keep_files(self, names: tuple[str, ...]) -> None:
        """Notes files in `working_directory` that every shard depends on.

        A resumed run finds them unchanged, or starts from the first shard.
        """
        self._wait()
        self._files |= self._synced(names)
        self._write_journal()

    def finish(
        self, description: str, details: dict[str, Any]
    ) -> schema.Manifest:
        """Writes metadata and manifest and gives the directory its name.

        Args:
            description: Description in `dataset_info.json`.
            details: Details in the manifest.

        Raises:
            RuntimeError: If a shard is missing.
        """
        self._wait()
        splits = {
            split: [self._shard(split, index) for index in range(count)]
            for split, count in self._num_shards.items()
        }
        metadata = tfds_metadata.write_metadata(
            self._aside, self.directory, self._schema, splits, description
        )
        manifest = schema.Manifest(
            self._schema,
            self._fingerprint,
            self._provenance,
            details,
            splits,
            self._files | self._synced(metadata),
        )
        manifest = manifest.save(self._aside)
        (self._aside / _JOURNAL).unlink()
        if self.directory.exists():
            shutil.rmtree(self.directory)
        os.replace(self._aside, self.directory)
        # Not earlier: another process could lock an unfinished set.
        (self.directory / files.LOCK).unlink()
        files.sync(self.directory.parent)
        return manifest

    @property
    def working_directory(self) -> pathlib.Path:
        """Directory for files that belong to the set, until `finish`."""
        return self._aside

    def _synced(self, names: tuple[str, ...]) -> dict[str, str]:
        for name in names:
            files.sync(self._aside / name)
        return {n: hashes.sha256_of_file(self._aside / n) for n in names}

    def _shard(self, split: str, index: int) -> schema.Shard:
        name = self._name(split, index)
        if name not in self._finished:
            raise RuntimeError(f"{name} was never written.")
        return self._finished[name]

    def _name(self, split: str, index: int) -> str:
        return schema.shard_name(
            self._schema.kind, split, index, self._num_shards[split]
        )

    def _resume(self) -> None:
        """Keeps what the journal vouches for; deletes the rest."""
        self._read_journal()
        valid = {*self._finished, *self._files, files.LOCK}
        for path in self._aside.iterdir():
            if path.name not in valid:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        self._write_journal()

    def _read_journal(self) -> None:
        try:
            value = json.loads((self._aside / _JOURNAL).read_text("utf-8"))
            if value["fingerprint"] != self._fingerprint:
                return
            other_files = dict(value["files"])
            shards = [schema.Shard(**entry) for entry in value["shards"]]
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError) as error:
            logging.warning("%s is damaged (%s): ignored", _JOURNAL, error)
            return
        # Shards drawn with a lost map must not be mixed with those of a map
        # fitted again.
        if all(self._is_intact(*entry) for entry in other_files.items()):
            self._files = other_files
            self._finished = {
                shard.file: shard
                for shard in shards
                if self._is_intact(shard.file, shard.sha256)
            }

    def _is_intact(self, name: str, sha256: str) -> bool:
        path = self._aside / name
        return path.is_file() and hashes.sha256_of_file(path) == sha256

    def _write_journal(self) -> None:
        files.write_text(
            self._aside / _JOURNAL,
            json.dumps(
                {
                    "fingerprint": self._fingerprint,
                    "files": self._files,
                    "shards": [
                        dataclasses.asdict(shard)
                        for shard in self._finished.values()
                    ],
                }
            ),
        )
