"""A record directory while it is filled: locked, resumed, whole at the end.

Everything goes to `<directory>.incomplete`; after the last shard, TFDS's
metadata and then the manifest are written, and the directory gets its name. A
killed build leaves what has a mark (`shard_files`), and the journal: what the
set is made from, and the files on which all shards depend. The next build with
the same fingerprint resumes from these.
"""

import contextlib
import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, Self

from absl import logging

from text2image import hashes
from tfrecords import (
    croissant,
    data_card,
    files,
    manifest_files,
    reader,
    schema,
    shard_lists,
    tfds_metadata,
)
from tfrecords.paths import Path, is_remote
from tfrecords.settings import fingerprint
from tfrecords.units import shard_files

_JOURNAL = "journal.json"
_ALWAYS = (
    schema.MANIFEST,
    manifest_files.CHECKSUM,
    croissant.FILE,
    data_card.FILE,
    _JOURNAL,
    files.LOCK,
)


class UnfinishedSet:
    """The directory of a set until it is whole. Use as a context manager.

    Attributes:
        directory: Directory of the finished set.
        working_directory: Where its files are until `publish`.
    """

    def __init__(self, directory: Path, provenance: Mapping[str, Any]) -> None:
        """Stores the arguments; `__enter__` locks and reads the journal.

        Args:
            directory: `<...>/<kind>/<config>/<version>`.
            provenance: What the records depend on.
        """
        self.directory = directory
        self.working_directory = files.aside(directory)
        self._provenance = dict(provenance)
        self._fingerprint = fingerprint(self._provenance)
        # Files that all shards depend on; the temporary ones leave the set
        # when it is finished.
        self._files: dict[str, str] = {}
        self._temporary: dict[str, str] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Locks the directory and finds what an earlier build finished.

        Raises:
            RuntimeError: If another process is writing here.
        """
        self.working_directory.mkdir(parents=True, exist_ok=True)
        self._stack.enter_context(files.lock(self.working_directory))
        try:
            self._resume()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Releases the lock; unfinished work stays for the next build."""
        self._stack.close()

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files that `keep_files` noted, also in earlier runs."""
        return tuple(self._files)

    @property
    def temporary(self) -> tuple[str, ...]:
        """Names of those that `publish` removes, also of earlier builds."""
        return tuple(self._temporary)

    def keep_files(
        self, names: Iterable[str], *, until_published: bool = False
    ) -> None:
        """Notes files in `working_directory` that every shard depends on.

        A resumed build finds them unchanged, or starts from the first shard.

        Args:
            names: Names of the files.
            until_published: Whether `publish` removes them.
        """
        noted = self._temporary if until_published else self._files
        noted |= self._synced(names)
        self._write_journal()

    def publish(
        self,
        record_schema: schema.Schema,
        num_shards: Mapping[str, int],
        description: str,
        details: dict[str, Any],
    ) -> schema.Manifest:
        """Writes metadata and manifest and gives the directory its name.

        Args:
            record_schema: Schema of the records.
            num_shards: Split name to its number of shards.
            description: Description in `dataset_info.json`.
            details: Details in the manifest.

        Raises:
            RuntimeError: If a shard is missing.
        """
        splits = {
            split: self._shards(record_schema.kind, split, count)
            for split, count in num_shards.items()
        }
        metadata = tfds_metadata.write_metadata(
            self.working_directory,
            self.directory,
            record_schema,
            splits,
            description,
        )
        manifest = schema.Manifest(
            record_schema,
            self._fingerprint,
            self._provenance,
            details,
            splits,
            self._files | self._synced(metadata),
        )
        manifest = manifest.save(self.working_directory)
        _publish(self.directory, manifest)
        return manifest

    def _shards(self, kind: str, split: str, count: int) -> list[schema.Shard]:
        names = [
            schema.shard_name(kind, split, index, count)
            for index in range(count)
        ]
        shards = []
        marks = shard_files.read_marks(self.working_directory, names)
        for name, mark in zip(names, marks, strict=True):
            if mark is None:
                raise RuntimeError(f"{name} was never written.")
            shards.append(mark.shard)
        return shards

    def _synced(self, names: Iterable[str]) -> dict[str, str]:
        paths = {name: self.working_directory / name for name in names}
        for path in paths.values():
            files.sync(path)
        return {
            name: hashes.sha256_of_file(path) for name, path in paths.items()
        }

    def _resume(self) -> None:
        """Keeps what journal and marks vouch for; deletes the rest."""
        self._read_journal()
        valid = {*self._files, *self._temporary, files.LOCK}
        if self._is_resumed:
            valid |= self._marked()
        for path in self.working_directory.iterdir():
            if path.name not in valid:
                _remove(path)
        self._write_journal()

    def _read_journal(self) -> None:
        self._is_resumed = False
        path = self.working_directory / _JOURNAL
        try:
            value = json.loads(path.read_text("utf-8"))
            if value["fingerprint"] != self._fingerprint:
                return
            kept = dict(value["files"])
            temporary = dict(value.get("temporary", {}))
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError) as error:
            logging.warning("%s is damaged (%s): ignored", path, error)
            return
        # Shards drawn with a lost map must not be mixed with those of a map
        # fitted again.
        noted = {**kept, **temporary}
        if all(self._is_intact(*entry) for entry in noted.items()):
            self._files, self._temporary = kept, temporary
            self._is_resumed = True

    def _marked(self) -> set[str]:
        """Names of the intact files with a mark, and of the marks."""
        marked = [
            path.name.removesuffix(shard_files.MARK)
            for path in self.working_directory.glob("*" + shard_files.MARK)
        ]
        marks = shard_files.read_marks(self.working_directory, marked)
        names = set()
        for name, mark in zip(marked, marks, strict=True):
            if mark and self._is_intact(name, mark.shard.sha256):
                names |= {name, name + shard_files.MARK}
        return names

    def _is_intact(self, name: str, sha256: str) -> bool:
        path = self.working_directory / name
        if not path.is_file():
            return False
        # A store checks what it holds, and reading all of it takes long.
        return is_remote(path) or hashes.sha256_of_file(path) == sha256

    def _write_journal(self) -> None:
        files.write_text(
            self.working_directory / _JOURNAL,
            json.dumps(
                {
                    "fingerprint": self._fingerprint,
                    "files": self._files,
                    "temporary": self._temporary,
                }
            ),
        )


def complete(directory: Path, expected: str) -> None:
    """Ends what a killed `publish` began: the manifest is written, no more.

    Args:
        directory: Directory of the finished set.
        expected: Fingerprint of the set.

    Raises:
        RuntimeError: If another process is writing it.
    """
    aside = files.aside(directory)
    if not (aside / schema.MANIFEST).is_file():
        _remove_lock(directory)
        return
    if is_remote(aside) and not (aside / _JOURNAL).is_file():
        return  # whole: the set had its name from the start
    with files.lock(aside):
        try:
            manifest = reader.open_records(aside, fingerprint=expected)
        except (ValueError, FileNotFoundError):
            return  # another set's, or damaged: it is made again
        _publish(directory, manifest)


def _publish(directory: Path, manifest: schema.Manifest) -> None:
    """Removes what is not of the set, and gives the directory its name."""
    aside = files.aside(directory)
    # Descriptions for others: no part of what is checked.
    for describe in (croissant.write, data_card.write):
        describe(aside, directory.parent.name, manifest)
    keep = {*_ALWAYS, *manifest.files}
    for shards in manifest.splits.values():
        keep |= set(shard_lists.file_names(shards))
    for path in aside.iterdir():
        if path.name not in keep:
            _remove(path)
    (aside / _JOURNAL).unlink(missing_ok=True)
    if directory != aside:
        if directory.exists():
            files.remove_tree(directory)
        os.replace(str(aside), str(directory))
    # Not earlier: another process could lock an unfinished set.
    (directory / files.LOCK).unlink(missing_ok=True)
    files.sync(directory.parent)


def _remove_lock(directory: Path) -> None:
    """Removes the lock that a kill has left in a finished set on a disk."""
    path = directory / files.LOCK
    if not is_remote(directory) and path.is_file():
        with contextlib.suppress(OSError):  # read-only; it bars nobody
            path.unlink(missing_ok=True)


def _remove(path: Path) -> None:
    if path.is_dir():
        files.remove_tree(path)
    else:
        path.unlink()
