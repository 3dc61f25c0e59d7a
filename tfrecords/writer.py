"""Writes a record directory that is whole or not there.

Everything goes to `<directory>.incomplete`: each shard is written aside,
synced, hashed, renamed and noted in a journal, all but the first while the next
one is written. When all are there, TFDS's metadata
and then the manifest are written and the directory gets its name. A killed
run leaves its finished shards; the next one, asked for the same fingerprint,
goes on behind them.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
from collections.abc import Iterable
from concurrent import futures
from typing import Any

import tensorflow as tf
from absl import logging

from text2image import hashes
from tfrecords import files as durable
from tfrecords import schema, tfds_metadata
from tfrecords.settings import fingerprint

_JOURNAL = "journal.json"
# Bytes around a record: its length (8) and two checksums (4 each).
_FRAME = 16


class RecordWriter:
    """Shard by shard into one directory. Use as a context manager.

    Attributes:
        directory: Where the finished set will stand.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        record_schema: schema.Schema,
        provenance: dict[str, Any],
        num_shards: dict[str, int],
    ) -> None:
        """Prepares; `__enter__` takes the lock and reads the journal.

        Args:
            directory: `<...>/<kind>/<config>/<version>`.
            record_schema: Of the records.
            provenance: What they depend on.
            num_shards: Shards of every split.
        """
        self.directory = directory
        self._schema = record_schema
        self._provenance = provenance
        self._fingerprint = fingerprint(provenance)
        self._num_shards = num_shards
        self._aside = durable.aside(directory)
        self._done: dict[str, schema.Shard] = {}
        self._files: dict[str, str] = {}
        self._stack = contextlib.ExitStack()
        self._settled: futures.Future[None] | None = None

    def __enter__(self) -> "RecordWriter":
        """Locks the directory and finds what an earlier run finished.

        Raises:
            RuntimeError: If another process is writing here.
        """
        self._aside.mkdir(parents=True, exist_ok=True)
        self._stack.enter_context(durable.lock(self._aside))
        try:
            self._resume()
            self._settler = self._stack.enter_context(
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
        """Shards that need not be written again."""
        return len(self._done)

    @property
    def files(self) -> tuple[str, ...]:
        """Names of what `keep_files` noted, in this run or before."""
        return tuple(self._files)

    def is_finished(self, split: str, index: int) -> bool:
        """Whether a shard stands already."""
        return self._name(split, index) in self._done

    def write_shard(
        self, split: str, index: int, records: Iterable[bytes]
    ) -> None:
        """Writes one shard aside, and measures it; a thread does the rest.

        Raises:
            OSError: If the disk does not hold what was written, now or of
                the shard before.
        """
        name = self._name(split, index)
        aside = self._aside / f"{name}.writing"
        count = size = 0
        try:
            with tf.io.TFRecordWriter(str(aside)) as writer:
                for record in records:
                    writer.write(record)
                    count += 1
                    size += len(record) + _FRAME
        except tf.errors.DataLossError:
            raise  # of what `records` reads
        except tf.errors.OpError as error:
            raise OSError(f"{name} was not written: {error.message}") from error
        # A full disk has been seen to lose records without an error.
        found = aside.stat().st_size
        if found != size:
            raise OSError(
                f"{aside}: wrote {size} bytes but the disk holds {found}. "
                "Free some space and run the same command again."
            )
        self._wait()
        self._settled = self._settler.submit(
            self._settle, aside, name, count, size
        )

    def _settle(
        self, aside: pathlib.Path, name: str, count: int, size: int
    ) -> None:
        """Syncs a shard, gives it its name and notes it."""
        durable.sync(aside)
        sha256 = hashes.sha256_of_file(aside)
        os.replace(aside, self._aside / name)
        durable.sync(self._aside)
        self._done[name] = schema.Shard(name, count, size, sha256)
        self._write_journal()

    def _wait(self) -> None:
        """Until the newest shard is noted, or what kept it from that."""
        settled, self._settled = self._settled, None
        if settled is not None:
            settled.result()

    def keep_files(self, names: tuple[str, ...]) -> None:
        """Notes files in `working_directory` that every shard depends on.

        A resumed run finds them as they are, or starts afresh.
        """
        self._wait()
        self._files |= self._synced(names)
        self._write_journal()

    def finish(
        self, description: str, details: dict[str, Any]
    ) -> schema.Manifest:
        """Writes metadata and manifest and gives the directory its name.

        Args:
            description: For `dataset_info.json`.
            details: Kept in the manifest.

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
        durable.write_text(self._aside / schema.MANIFEST, manifest.dumps())
        (self._aside / _JOURNAL).unlink()
        if self.directory.exists():
            shutil.rmtree(self.directory)
        os.replace(self._aside, self.directory)
        # Not sooner: another process could take the lock of a set half done.
        (self.directory / durable.LOCK).unlink()
        durable.sync(self.directory.parent)
        return manifest

    @property
    def working_directory(self) -> pathlib.Path:
        """Where files that belong to the set are put before `finish`."""
        return self._aside

    def _synced(self, names: tuple[str, ...]) -> dict[str, str]:
        for name in names:
            durable.sync(self._aside / name)
        return {n: hashes.sha256_of_file(self._aside / n) for n in names}

    def _shard(self, split: str, index: int) -> schema.Shard:
        name = self._name(split, index)
        if name not in self._done:
            raise RuntimeError(f"{name} was never written.")
        return self._done[name]

    def _name(self, split: str, index: int) -> str:
        return schema.shard_name(
            self._schema.kind, split, index, self._num_shards[split]
        )

    def _resume(self) -> None:
        """Keeps what the journal vouches for; clears the rest."""
        self._read_journal()
        kept = {*self._done, *self._files, durable.LOCK}
        for path in self._aside.iterdir():
            if path.name not in kept:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        self._write_journal()

    def _read_journal(self) -> None:
        try:
            value = json.loads((self._aside / _JOURNAL).read_text("utf-8"))
            if value["fingerprint"] != self._fingerprint:
                return
            files = dict(value["files"])
            shards = [schema.Shard(**entry) for entry in value["shards"]]
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError) as error:
            logging.warning("%s is damaged (%s): ignored", _JOURNAL, error)
            return
        # Shards drawn with a lost map must not meet a map fitted anew.
        if all(self._stands(*entry) for entry in files.items()):
            self._files = files
            self._done = {
                shard.file: shard
                for shard in shards
                if self._stands(shard.file, shard.sha256)
            }

    def _stands(self, name: str, sha256: str) -> bool:
        path = self._aside / name
        return path.is_file() and hashes.sha256_of_file(path) == sha256

    def _write_journal(self) -> None:
        durable.write_text(
            self._aside / _JOURNAL,
            json.dumps(
                {
                    "fingerprint": self._fingerprint,
                    "files": self._files,
                    "shards": [
                        dataclasses.asdict(shard)
                        for shard in self._done.values()
                    ],
                }
            ),
        )
