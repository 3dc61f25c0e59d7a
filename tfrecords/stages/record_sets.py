"""Where a record set stands, and whether there is room for it."""

import importlib.metadata
import pathlib
import re
import shutil
import typing
from typing import Any

import numpy as np

from tfrecords import config, files
from tfrecords.settings import fingerprint

if typing.TYPE_CHECKING:
    from tfrecords import schema

_VERSIONED = ("tensorflow", "keras", "keras-hub", "scikit-learn", "numpy")


def pick(settings: config.RecordsConfig, names: tuple[str, ...]) -> dict:
    """The named settings, for a provenance."""
    return config.without_younger(
        {name: getattr(settings, name) for name in names}
    )


def directory(
    settings: config.RecordsConfig,
    kind: str,
    name: str,
    provenance: dict[str, Any],
) -> pathlib.Path:
    """`<records_dir>/<kind>/<name>-<fingerprint>/<version>`."""
    from tfrecords import schema

    name = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return (
        pathlib.Path(settings.records_dir)
        / kind
        / f"{name}-{fingerprint(provenance)}"
        / schema.VERSION
    )


def standing(
    directory: pathlib.Path, provenance: dict[str, Any]
) -> "schema.Manifest | None":
    """The manifest of the set that stands at `directory`, if one does.

    Raises:
        FileNotFoundError: If it is not whole.
        ValueError: If it is damaged or of another provenance.
    """
    from tfrecords import reader

    if not directory.exists():
        return None
    return reader.open_records(
        directory,
        kind=provenance["kind"],
        fingerprint=fingerprint(provenance),
    )


def check_space(
    settings: config.RecordsConfig,
    directory: pathlib.Path,
    count: int,
    record_schema: "schema.Schema",
    *,
    num_bytes: int = 0,
) -> None:
    """Refuses to start a set that the disk cannot hold.

    Args:
        settings: Say where all sets stand.
        directory: Where this one will stand; what an earlier try left of it
            needs no room.
        count: Its records.
        record_schema: Of them.
        num_bytes: What they hold besides the array and texts of ordinary
            length: encoded pictures.

    Raises:
        OSError: If there is no room, or no permission to write: names what
            is needed.
    """
    # 2 KiB for id, label, framing and a text of ordinary length.
    needed = num_bytes + count * (4 * int(np.prod(record_schema.shape)) + 2048)
    records_dir = pathlib.Path(settings.records_dir)
    files.make_directory(records_dir, "records_dir")
    earlier = files.aside(directory).glob("*.tfrecord-*")
    needed -= sum(path.stat().st_size for path in earlier)
    free = shutil.disk_usage(records_dir).free
    if free < needed:
        raise OSError(
            f"{records_dir} needs about {needed / 1e9:.1f} GB for {count} "
            f"{record_schema.kind} records. Free: {free / 1e9:.1f} GB. Free "
            "some, name another --records_dir, or use --limit_train."
        )


def versions() -> dict[str, str]:
    """Versions of the libraries a set's bytes may depend on."""
    return {name: importlib.metadata.version(name) for name in _VERSIONED}
