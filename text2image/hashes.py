"""Sha256 of files and directories, in hex."""

import hashlib
import os
import pathlib
from collections.abc import Iterable
from typing import Any, Protocol


class Opens(Protocol):
    """A path, local or of another file system."""

    def open(self, mode: str) -> Any:
        """Opens the file."""


def sha256_of_file(path: Opens) -> str:
    """Hashes the bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_files(paths: Iterable[pathlib.Path]) -> str:
    """Hashes the sha256 of each file, in order; names do not matter."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(bytes.fromhex(sha256_of_file(path)))
    return digest.hexdigest()


def sha256_of_directory(path: pathlib.Path) -> str:
    """Hashes name and sha256 of every file below `path`, sorted by name."""
    return sha256_of_tree(
        path, sorted(item for item in path.rglob("*") if item.is_file())
    )


def sha256_of_tree(root: pathlib.Path, paths: Iterable[pathlib.Path]) -> str:
    """Hashes the name relative to `root` and the sha256 of each file."""
    digest = hashlib.sha256()
    for path in paths:
        # A name that is not UTF-8 has its bytes as surrogates.
        name = os.fsencode(path.relative_to(root).as_posix())
        digest.update(name + f"\0{sha256_of_file(path)}\n".encode())
    return digest.hexdigest()
