"""Converts a published file once and keeps the slice, with its provenance."""

import hashlib
import pathlib
import tempfile

import keras
import numpy as np
import safetensors
import safetensors.numpy

from text2image import hashes
from tfrecords import files
from trainers import backbones
from trainers.weights import (
    download,
    fitting,
    published,
    readers,
)

Arrays = dict[str, np.ndarray]
_FORMAT = "1"


def published_arrays(
    slice_: keras.Model,
    backbone: backbones.Backbone,
    file: published.PublishedFile,
    directory: pathlib.Path,
) -> Arrays:
    """Returns the published weights of a slice, from the cache if it has them.

    Args:
        slice_: Result of `build_slice(backbone)`.
        backbone: Its entry of the table.
        file: The published file of the full architecture. It is not kept; a
            copy that was put into `directory` manually is used, and stays.
        directory: The cache.

    Returns:
        Canonical name to float32 array.

    Raises:
        RuntimeError: If the file cannot be fetched.
        ValueError: If the file is not the published one, or the cached one
            was altered.
    """
    digits = file.hashes[0][1][:8]
    cached = directory / f"{backbone.name}-{digits}.safetensors"
    if not cached.is_file():
        directory.mkdir(parents=True, exist_ok=True)
        # One per process: several may fill the cache at the same time.
        with tempfile.TemporaryDirectory(dir=directory) as name:
            scratch = pathlib.Path(name)
            was_copied_manually = (directory / file.name).is_file()
            path = download.fetch(
                file, directory if was_copied_manually else scratch
            )
            converted = scratch / cached.name
            convert(path, converted, slice_, backbone, source=file)
            files.publish(converted, cached)
    return _read_converted(cached, backbone)


def convert(
    path: pathlib.Path,
    target: pathlib.Path,
    slice_: keras.Model,
    backbone: backbones.Backbone,
    source: published.PublishedFile | None = None,
) -> None:
    """Cuts the slice out of a file and writes it as safetensors.

    Args:
        path: A file that `readers` reads.
        target: The .safetensors file, which is written whole or not at all.
        slice_: Result of `build_slice(backbone)`.
        backbone: Its entry of the table.
        source: The published file that `path` was verified to be, if any.

    Raises:
        ValueError: If the file is not for this slice.
    """
    arrays = readers.read_arrays(path, slice_, backbone.name)
    arrays = fitting.fit_arrays(slice_, arrays, str(path))
    metadata = {
        "format": _FORMAT,
        "backbone": backbone.name,
        "cut_layer": backbone.cut_layer,
        "source": source.url if source else path.name,
        "source_sha256": hashes.sha256_of_file(path),
        "source_bytes": str(path.stat().st_size),
        "licence": source.licence if source else "unknown",
        "arrays_sha256": _arrays_hash(arrays),
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    files.write_bytes(target, safetensors.numpy.save(arrays, metadata))


def _read_converted(path: pathlib.Path, backbone: backbones.Backbone) -> Arrays:
    expected = {"format": _FORMAT, "backbone": backbone.name}
    try:
        with safetensors.safe_open(path, "numpy") as file:
            metadata = file.metadata() or {}
            names = file.keys()
            arrays = {name: file.get_tensor(name) for name in names}
    except (OSError, safetensors.SafetensorError) as error:
        raise ValueError(_damaged(path, str(error))) from error
    expected["arrays_sha256"] = _arrays_hash(arrays)
    for key, value in expected.items():
        if metadata.get(key) != value:
            raise ValueError(
                _damaged(path, f"{key} {metadata.get(key)} instead of {value}")
            )
    return arrays


def _damaged(path: pathlib.Path, reason: str) -> str:
    return (
        f"Cached weights must be unaltered. Received: {path} ({reason}). "
        "Delete it; the next run makes it again."
    )


def _arrays_hash(arrays: Arrays) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
