"""Sha256 of files and directories, in hex."""

import hashlib
import pathlib
from collections.abc import Iterable


def sha256_of_file(path: pathlib.Path) -> str:
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
    digest = hashlib.sha256()
    for file in sorted(item for item in path.rglob("*") if item.is_file()):
        name = file.relative_to(path).as_posix()
        digest.update(f"{name}\0{sha256_of_file(file)}\n".encode())
    return digest.hexdigest()
