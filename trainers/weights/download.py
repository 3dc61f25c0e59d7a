"""Fetches a published file; only one that has been verified gets its name."""

import hashlib
import http.client
import pathlib
import queue
import threading
import typing
import urllib.error
import urllib.request

from tfrecords import files
from trainers.weights import published

_CHUNK_BYTES = 1 << 20  # 1 MiB
# For the answer and for each read, so that a dead server is noticed soon.
TIMEOUT_S = 10.0


def fetch(
    file: published.PublishedFile,
    directory: pathlib.Path,
    *,
    timeout_s: float = TIMEOUT_S,
) -> pathlib.Path:
    """Returns the path of the verified file, downloading it if it is missing.

    A download gets the file's name only after it was verified, so that a killed
    one leaves nothing that is ever read. A file that was copied there manually
    is verified in the same way.

    Args:
        file: The file to fetch.
        directory: Its directory, which is created if it is missing.
        timeout_s: Seconds without a response after which to give up.

    Raises:
        RuntimeError: If the server cannot be reached or breaks off.
        ValueError: If the copied or the downloaded file is not `file`.
    """
    target = directory / file.name
    if target.is_file():
        verify(target, file)
        return target
    directory.mkdir(parents=True, exist_ok=True)

    def write(temporary: pathlib.Path) -> None:
        with temporary.open("wb") as stream:
            _download(file, stream, timeout_s)
        verify(temporary, file, origin=file.url)

    files.write_with(target, write)
    return target


def check_reachable(url: str, *, timeout_s: float = TIMEOUT_S) -> None:
    """Opens an address and closes it without reading the file.

    Args:
        url: The address.
        timeout_s: Seconds without a response after which to give up.

    Raises:
        OSError: If the server cannot be reached, or refuses.
    """
    try:
        _open(url, timeout_s).close()
    except http.client.HTTPException as error:
        raise OSError(f"{url}: {error!r}") from error


def verify(
    path: pathlib.Path, file: published.PublishedFile, origin: str = ""
) -> None:
    """Compares size and hashes, before anything else opens the file.

    Args:
        path: The file.
        file: The published file that it should be.
        origin: Name of the file in errors; its path by default.

    Raises:
        ValueError: If they differ.
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
        digest = _digest(path, algorithm)
        if not digest.startswith(digits):
            dots = "..." if len(digits) < len(digest) else ""
            raise ValueError(
                f"{subject}: expected {algorithm} {digits}{dots}. Received: "
                f"{digest}. Delete it and fetch it again."
            )


def _digest(path: pathlib.Path, algorithm: str) -> str:
    with path.open("rb") as stream:
        # md5 only identifies the files that Keras publishes with it.
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
        with _open(file.url, timeout_s) as response:
            announced = response.headers.get("Content-Length")
            while chunk := response.read(_CHUNK_BYTES):
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


def _open(url: str, timeout_s: float) -> typing.Any:
    """Opens an address within a time that includes its name's resolution.

    `urlopen` bounds neither that nor the sum over a name's addresses: without a
    network it took half a minute.
    """
    answers: queue.SimpleQueue[object] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(urllib.request.urlopen(url, timeout=timeout_s))
        except Exception as error:  # raised again by the caller
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=timeout_s)
    except queue.Empty:
        raise TimeoutError(f"timed out after {timeout_s:g} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


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
