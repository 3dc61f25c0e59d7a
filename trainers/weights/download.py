"""Fetches a published file; only one that has been verified gets its name."""

import hashlib
import http.client
import os
import pathlib
import tempfile
import typing
import urllib.error
import urllib.request

from trainers.weights import published

_CHUNK_BYTES = 1 << 20  # 1 MiB
# For the connection and for each read: a dead server is noticed soon.
TIMEOUT_S = 10.0


def fetch(
    file: published.PublishedFile,
    directory: pathlib.Path,
    *,
    timeout_s: float = TIMEOUT_S,
) -> pathlib.Path:
    """Returns the path of the verified file, downloading it if it is missing.

    It is written under a temporary name in the same directory, verified and
    renamed, so that a killed download leaves nothing that is ever read. A
    file put there by hand is verified in the same way.

    Args:
        file: What to fetch.
        directory: Where to; made if it is missing.
        timeout_s: Seconds without an answer after which to give up.

    Raises:
        RuntimeError: If the server cannot be reached or breaks off.
        ValueError: If what lies there, or what came, is not that file.
    """
    target = directory / file.name
    if target.is_file():
        verify(target, file)
        return target
    directory.mkdir(parents=True, exist_ok=True)
    handle, part_name = tempfile.mkstemp(
        dir=directory, prefix=file.name + ".", suffix=".part"
    )
    part = pathlib.Path(part_name)
    try:
        with os.fdopen(handle, "wb") as stream:
            _download(file, stream, timeout_s)
            stream.flush()
            os.fsync(stream.fileno())
        verify(part, file, origin=file.url)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def verify(
    path: pathlib.Path, file: published.PublishedFile, origin: str = ""
) -> None:
    """Compares size and hashes, before anything else opens the file.

    Args:
        path: The file.
        file: What it should be.
        origin: What the error calls the file; its path by default.

    Raises:
        ValueError: If they differ: says what was expected and found.
    """
    subject = f"{origin or path} is not the published {file.name}"
    low, high = file.size_bytes
    size = path.stat().st_size
    if not low <= size <= high:
        raise ValueError(
            f"{subject}: expected {_size(file)}. Received: {size} bytes. "
            "Delete it and fetch it again."
        )
    for algorithm, digits in file.hashes:
        found = file_hash(path, algorithm)
        if not found.startswith(digits):
            dots = "..." if len(digits) < len(found) else ""
            raise ValueError(
                f"{subject}: expected {algorithm} {digits}{dots}. Received: "
                f"{found}. Delete it and fetch it again."
            )


def file_hash(path: pathlib.Path, algorithm: str = "sha256") -> str:
    """Returns the hexadecimal digest of a file."""
    with path.open("rb") as stream:
        # md5 only identifies the files Keras publishes by it.
        digest = hashlib.file_digest(
            stream, lambda: hashlib.new(algorithm, usedforsecurity=False)
        )
    return digest.hexdigest()


def _download(
    file: published.PublishedFile, stream: typing.BinaryIO, timeout_s: float
) -> None:
    limit = file.size_bytes[1]
    received = 0
    try:
        with urllib.request.urlopen(file.url, timeout=timeout_s) as answer:
            announced = answer.headers.get("Content-Length")
            while chunk := answer.read(_CHUNK_BYTES):
                received += len(chunk)
                if received > limit:
                    raise ValueError(
                        f"{file.url} is not the published {file.name}: "
                        f"expected {_size(file)}. Received: more."
                    )
                stream.write(chunk)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        raise RuntimeError(_unreachable(file, error)) from error
    if announced is not None and received < int(announced):
        reason = f"broken off after {received} of {announced} bytes"
        raise RuntimeError(_unreachable(file, reason))


def _unreachable(file: published.PublishedFile, reason: object) -> str:
    return (
        f"{file.url} could not be fetched ({reason}). Without a network give "
        "a local copy with --weights=PATH, or --weights=cifar10 (shipped), or "
        "--weights=random; on another machine `python -m "
        "trainers.weights.convert` makes such a copy."
    )


def _size(file: published.PublishedFile) -> str:
    low, high = file.size_bytes
    return f"{low} bytes" if low == high else f"{low} to {high} bytes"
