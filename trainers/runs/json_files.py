"""JSON files of ours: every fault names the file and the cure."""

import hashlib
import json
from collections.abc import Collection
from typing import Any

from tfrecords import files
from tfrecords.paths import Path

_SHA256 = "content_sha256"


def read(
    path: Path, keys: Collection[str] = (), *, cure: str
) -> dict[str, Any]:
    """Reads an object.

    Args:
        path: The file.
        keys: Keys that it must have.
        cure: What to do about a fault, one sentence or more.

    Returns:
        The object, without the checksum that `write_checked` adds.

    Raises:
        FileNotFoundError: If there is no file.
        ValueError: If it is not UTF-8, not JSON, not an object, lacks a key,
            or does not have the checksum that it states.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path} is missing. {cure}") from error
    try:
        value = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is damaged: not a JSON file ({error}). {cure}"
        ) from error
    if not isinstance(value, dict):
        raise ValueError(
            f"{path} is damaged: it must hold a JSON object. Received: "
            f"{type(value).__name__}. {cure}"
        )
    if _digest(value) != value.pop(_SHA256, _digest(value)):
        raise ValueError(
            f"{path} is damaged: it was changed since it was written. {cure}"
        )
    missing = [key for key in keys if key not in value]
    if missing:
        raise ValueError(
            f"{path} is damaged or of another kind: it must have the keys "
            f"{list(keys)}. Missing: {missing}. {cure}"
        )
    return value


def write_checked(path: Path, value: dict[str, Any]) -> None:
    """Writes an object whole or not at all, with a checksum of its content."""
    files.write_json(path, {**value, _SHA256: _digest(value)})


def _digest(value: dict[str, Any]) -> str:
    content = {key: item for key, item in value.items() if key != _SHA256}
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
