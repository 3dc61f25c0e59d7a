"""The files of a directory with sizes and sha256, to look at before reuse."""

import dataclasses
import hashlib
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any, Self

from absl import logging

from text2image import hashes
from trainers.runs import json_files

FILE = "files.json"
# Files up to this size are also hashed whenever a directory is reused: all but
# large weights, in less than a tenth of a second each. `verify` hashes all.
_MOST_HASHED = 32 << 20
_VERSION = 1

# Name, with `/` between folders, to `bytes` and `sha256`.
Entries = dict[str, dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class FileList:
    """The list of a directory.

    Attributes:
        directory: The directory.
        path: The list's own file.
    """

    directory: pathlib.Path
    path: pathlib.Path

    @classmethod
    def of_run(cls, workdir: pathlib.Path) -> Self:
        """Returns the list of a run's directory."""
        return cls(workdir, workdir / FILE)

    def read(self) -> Entries:
        """Reads the entries; none if there is no list, as in earlier versions.

        Raises:
            ValueError: If the list is damaged.
        """
        if not self.path.is_file():
            return {}
        value = json_files.read(
            self.path,
            ("files",),
            cure="Without it, the command that wrote the directory lists its "
            "files again.",
        )
        return value["files"]

    def remove_if_damaged(self) -> None:
        """Removes a damaged list, so that the files are listed again."""
        try:
            self.read()
        except ValueError as error:
            logging.warning("%s", error)
            self.path.unlink()

    def record(
        self,
        names: Iterable[str],
        contents: Mapping[str, bytes] | None = None,
    ) -> None:
        """Notes files as they are now; other entries stay.

        Args:
            names: Names of files in the directory.
            contents: Name to content, of files that are written next.
        """
        self.remove_if_damaged()
        earlier = self.read()
        entries = dict(earlier)
        for name in names:
            path = self.directory / name
            entries[name] = _entry(
                path.stat().st_size, hashes.sha256_of_file(path)
            )
        for name, content in (contents or {}).items():
            entries[name] = _entry(
                len(content), hashlib.sha256(content).hexdigest()
            )
        if entries != earlier:
            json_files.write_checked(
                self.path, {"format_version": _VERSION, "files": entries}
            )

    def faults(
        self, names: Iterable[str] | None = None, *, hash_all: bool = False
    ) -> dict[str, str]:
        """Compares files with the list.

        Args:
            names: Names to look at; by default all that are listed. A file
                that is not listed must only exist.
            hash_all: Whether large files are hashed, too.

        Returns:
            Name to fault, such as `missing`.

        Raises:
            ValueError: If the list is damaged.
        """
        entries = self.read()
        faults = {}
        for name in entries if names is None else names:
            fault = self._fault(name, entries.get(name), hash_all)
            if fault:
                faults[name] = fault
        return faults

    def _fault(
        self, name: str, entry: Mapping[str, Any] | None, hash_all: bool
    ) -> str | None:
        path = self.directory / name
        if not path.is_file():
            return "missing"
        size = path.stat().st_size
        if entry is None:
            return None if size else "empty"
        if size != entry["bytes"]:
            return f"{size:,} bytes, not {entry['bytes']:,}"
        is_hashed = hash_all or size <= _MOST_HASHED
        if is_hashed and hashes.sha256_of_file(path) != entry["sha256"]:
            return "changed since it was written"
        return None


def _entry(size: int, sha256: str) -> dict[str, Any]:
    return {"bytes": size, "sha256": sha256}
