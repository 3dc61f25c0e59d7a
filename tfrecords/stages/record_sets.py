"""Where a record set is, and whether the disk has room for it."""

import pathlib
import re
import shutil
from typing import Any

import numpy as np

from tfrecords import files, paths, reader, schema
from tfrecords.config import RecordsConfig, without_added_later
from tfrecords.settings import fingerprint
from tfrecords.units.unfinished_set import complete

# Libraries whose version the bytes of a set may depend on.
LIBRARIES = ("tensorflow", "keras", "keras-hub", "scikit-learn", "numpy")
# A name longer than a file system takes (255 bytes) is cut; the fingerprint
# still tells sets apart. The rest is for the names that are made of this one.
_MAX_NAME = 200
_OTHER_BYTES = 2048  # id, label, framing and a text of ordinary length


def pick(settings: RecordsConfig, names: tuple[str, ...]) -> dict[str, Any]:
    """Returns the named settings, for a provenance."""
    return without_added_later(
        {name: getattr(settings, name) for name in names}
    )


def directory(
    settings: RecordsConfig,
    kind: str,
    name: str,
    provenance: dict[str, Any],
) -> pathlib.Path:
    """Returns `<records_dir>/<kind>/<name>-<fingerprint>/<version>`.

    Of the name, ASCII letters and digits are kept; `data` if there are none.
    """
    name = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    name = name[:_MAX_NAME] or "data"
    records_dir: Any = paths.open_path(settings.records_dir)
    return (
        records_dir
        / kind
        / f"{name}-{fingerprint(provenance)}"
        / (schema.VERSION)
    )


def existing(
    directory: pathlib.Path, provenance: dict[str, Any]
) -> schema.Manifest | None:
    """Returns the manifest of the set in `directory`, if there is a set.

    Raises:
        RuntimeError: If another process is writing the set.
        FileNotFoundError: If the set is not whole.
        ValueError: If the set is damaged or has a different provenance.
    """
    expected = fingerprint(provenance)
    complete(directory, expected)
    # In a store, an unfinished set has its final name, but no manifest.
    found = directory
    if paths.is_remote(directory):
        found = directory / schema.MANIFEST
    if not found.exists():
        return None
    return reader.open_records(
        directory,
        kind=provenance["kind"],
        fingerprint=expected,
    )


def check_space(
    settings: RecordsConfig,
    directory: pathlib.Path,
    count: int,
    record_schema: schema.Schema,
    *,
    num_bytes: int = 0,
) -> None:
    """Refuses to start a set that the disk cannot hold.

    A store of tf.io.gfile does not say how much it holds.

    Args:
        settings: Names the directory of all sets.
        directory: Directory of this set; the shards that an earlier attempt
            finished need no more room.
        count: Number of records.
        record_schema: Schema of the records.
        num_bytes: Size of what they hold besides the array and texts of
            ordinary length: encoded images.

    Raises:
        OSError: If there is no room, or no permission to write: says how much
            is needed.
    """
    array_bytes = 4 * int(np.prod(record_schema.shape))
    needed = num_bytes + count * (array_bytes + _OTHER_BYTES)
    records_dir = paths.open_path(settings.records_dir)
    files.make_directory(records_dir, "records_dir")
    if isinstance(records_dir, paths.GfilePath):
        return
    earlier = files.aside(directory).glob("*.tfrecord-*")
    needed -= sum(path.stat().st_size for path in earlier)
    free = shutil.disk_usage(records_dir).free
    if free < needed:
        raise OSError(
            f"{records_dir} needs about {needed / 1e9:.1f} GB for {count} "
            f"{record_schema.kind} records. Free: {free / 1e9:.1f} GB. Free "
            "some, name another --records_dir, or use --limit_train."
        )
