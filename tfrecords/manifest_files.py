"""The file of a manifest: JSON whose every value is checked when it is read.

`manifest.sha256` beside it holds its sha256, as `sha256sum` writes it. Sets
that were built before it existed lack it.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfrecords import files, paths, shard_lists

MANIFEST = "manifest.json"
CHECKSUM = "manifest.sha256"
FILES = (MANIFEST, CHECKSUM)
# With a list of all shards, and with their lists in files of their own.
FORMAT_VERSIONS = (1, 2)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MAX_NAME = 255  # bytes; more than that no file system takes


def read(
    directory: paths.Path, strings: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Reads a manifest and checks the type of every value that has one.

    Args:
        directory: `<...>/<kind>/<config>/<version>`.
        strings: Kind of records to the names of its byte-string features.

    Raises:
        FileNotFoundError: If there is none: the set is not finished.
        ValueError: If it cannot be read, has another format version, or holds
            what no manifest holds.
    """
    path = directory / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(
            f"{directory} holds no {MANIFEST}: not the directory of a "
            "finished set of records. Name that of a set, "
            ".../KIND/CONFIG/VERSION. If it is one, delete it and build it "
            "again with: python -m tfrecords.build"
        )
    try:
        value = json.loads(path.read_text("utf-8"))
        _check(value, strings)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(
            f"{path} is not a manifest of format "
            f"{' or '.join(map(str, FORMAT_VERSIONS))} "
            f"({type(error).__name__}: {error}). Delete the directory "
            "and build it again."
        ) from error
    return dict(value)


def write(directory: paths.Path, text: str) -> None:
    """Writes the text of a manifest, and its sha256 first."""
    files.write_bytes(directory / CHECKSUM, _checksum(text.encode("utf-8")))
    files.write_text(directory / MANIFEST, text)


def is_changed(directory: paths.Path) -> bool:
    """Returns whether a manifest is not the one that was written.

    A set without a checksum is taken as it is.
    """
    try:
        expected = (directory / CHECKSUM).read_bytes()
    except FileNotFoundError:
        return False
    return expected != _checksum((directory / MANIFEST).read_bytes())


def _checksum(content: bytes) -> bytes:
    digest = hashlib.sha256(content).hexdigest()
    return f"{digest}  {MANIFEST}\n".encode()


def _check_name(name: Any) -> None:
    """Refuses what is not the plain name of a file in the directory."""
    _require(
        isinstance(name, str)
        and name not in ("", ".", "..")
        and not re.search(r"[/\\\0]", name)
        and len(name.encode("utf-8")) <= _MAX_NAME,
        "file names",
        "plain names of files in the directory",
        name,
    )


def _check_schema(value: Any, strings: Mapping[str, Sequence[str]]) -> None:
    _require_type(value, dict, "schema")
    kind, kinds = value["kind"], list(strings)
    _require(kind in kinds, "kind", f"one of {kinds}", kind)
    _require(
        isinstance(value["array"], str)
        and value["array"].isidentifier()
        and value["array"] not in ("id", "label", *strings[kind]),
        "array",
        "the name of a feature",
        value["array"],
    )
    shape, size = value["shape"], 4
    _require_type(shape, (list, tuple), "shape")
    for side in shape:
        _require(_is_count(side) and side > 0, "shape", "positive", shape)
        size *= side
    # What protobuf holds in one message.
    _require(shape and size < 1 << 31, "shape", "of less than 2 GB", shape)
    names = value["label_names"]
    _require_type(names, (list, tuple), "label_names")
    for name in names:
        _require_type(name, str, "label_names")
        name.encode("utf-8")
    _require(names, "label_names", "at least one", names)
    further = value.get("further", ())
    _require_type(further, (list, tuple), "further")
    for name in further:
        _require(
            isinstance(name, str)
            and name.isidentifier()
            and name not in ("id", "label", value["array"], *strings[kind]),
            "further",
            "names of features",
            name,
        )
    extra = set(value) - {"kind", "array", "shape", "label_names", "further"}
    _require(not extra, "schema", "without other keys", sorted(extra))


def _check(value: Any, strings: Mapping[str, Sequence[str]]) -> None:
    _require_type(value, dict, "manifest")
    version = value["format_version"]
    _require(
        _is_count(version) and version in FORMAT_VERSIONS,
        "format_version",
        FORMAT_VERSIONS,
        version,
    )
    _check_schema(value["schema"], strings)
    _require_type(value["fingerprint"], str, "fingerprint")
    for name in ("provenance", "details", "splits", "files"):
        _require_type(value[name], dict, name)
    for name, sha256 in value["files"].items():
        _check_name(name)
        _check_sha256(sha256)
    for split, shards in value["splits"].items():
        _require(re.fullmatch(r"[a-z_]{1,40}", split), "splits", "names", split)
        _CHECK_SHARDS[version](shards)


def _check_shards(shards: Any) -> None:
    _require_type(shards, list, "shards")
    for shard in shards:
        _require_type(shard, dict, "shard")
        fields = {"file", "num_examples", "num_bytes", "sha256"}
        _require(set(shard) == fields, "shard", sorted(fields), shard)
        _check_name(shard["file"])
        _check_sha256(shard["sha256"])
        for name in ("num_examples", "num_bytes"):
            _require(_is_count(shard[name]), name, "counts", shard[name])


def _check_totals(totals: Any) -> None:
    _require_type(totals, dict, "split")
    names = shard_lists.TOTALS
    _require(set(totals) == set(names), "split", names, totals)
    for name in names:
        _require(_is_count(totals[name]), name, "counts", totals[name])


_CHECK_SHARDS: dict[int, Callable[[Any], None]] = {
    1: _check_shards,
    2: _check_totals,
}


def _check_sha256(value: Any) -> None:
    _require(
        isinstance(value, str) and _SHA256.fullmatch(value),
        "sha256",
        "64 hexadecimal digits",
        value,
    )


def _is_count(value: Any) -> bool:
    # `True` is an int of Python, 10^30 no size of a file.
    return type(value) is int and 0 <= value < 1 << 62


def _require_type(value: Any, kind: type | tuple[type, ...], name: str) -> None:
    names = kind if isinstance(kind, tuple) else (kind,)
    _require(
        isinstance(value, kind), name, " or ".join(k.__name__ for k in names),
        value,
    )  # fmt: skip


def _require(holds: Any, name: str, expected: Any, received: Any) -> None:
    if not holds:
        raise ValueError(
            f"{name} must be {expected}. Received: {str(received)[:200]!r}"
        )
