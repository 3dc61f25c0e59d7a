"""Converts a published file once and keeps the slice, with its provenance."""

import hashlib
import os
import pathlib
import tempfile

import keras
import numpy as np
import safetensors
import safetensors.numpy

from trainers import backbones
from trainers.weights import (
    download,
    fitting,
    published,
    readers,
    torch_names,
    torch_reader,
)

Arrays = dict[str, np.ndarray]
_FORMAT = "1"


def published_arrays(
    slice_: keras.Model,
    backbone: backbones.Backbone,
    file: published.PublishedFile,
    directory: pathlib.Path,
) -> Arrays:
    """Returns the published weights of a slice, from the cache if they are.

    Args:
        slice_: What `backbones.build_slice(backbone)` returned.
        backbone: Its entry of the table.
        file: The published file of the full architecture. It is not kept,
            but a copy put into `directory` by hand is used, and stays.
        directory: The cache.

    Raises:
        RuntimeError: If the file cannot be fetched.
        ValueError: If it, or what is cached, is not what it should be.
    """
    digits = file.hashes[0][1][:8]
    cached = directory / f"{backbone.name}-{digits}.safetensors"
    if not cached.is_file():
        directory.mkdir(parents=True, exist_ok=True)
        # Of this process alone, so that others may do the same meanwhile.
        with tempfile.TemporaryDirectory(dir=directory) as own:
            by_hand = (directory / file.name).is_file()
            path = download.fetch(
                file, directory if by_hand else pathlib.Path(own)
            )
            convert(path, cached, slice_, backbone, source=file)
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
        path: A torchvision .pth file, or what `weight_files` reads.
        target: The .safetensors file to write, all at once.
        slice_: What `backbones.build_slice(backbone)` returned.
        backbone: Its entry of the table.
        source: The published file that `path` was verified to be, if any.

    Raises:
        ValueError: If the file is not for this slice.
    """
    if path.suffix == ".pth":
        state = torch_reader.read_state_dict(path)
        arrays = torch_names.canonical_arrays(state, backbone.name)
    else:
        arrays = readers.read_arrays(path, slice_, backbone.name)
    arrays = fitting.fit_arrays(slice_, arrays, str(path))
    metadata = {
        "format": _FORMAT,
        "backbone": backbone.name,
        "cut_layer": backbone.cut_layer,
        "source": source.url if source else path.name,
        "source_sha256": download.file_hash(path),
        "source_bytes": str(path.stat().st_size),
        "licence": source.licence if source else "unknown",
        "arrays_sha256": _arrays_hash(arrays),
    }
    _write_whole(target, safetensors.numpy.save(arrays, metadata))


def _write_whole(target: pathlib.Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, part_name = tempfile.mkstemp(
        dir=target.parent, prefix=target.name + ".", suffix=".part"
    )
    part = pathlib.Path(part_name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


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
                _damaged(path, f"{key} {metadata.get(key)}, found {value}")
            )
    return arrays


def _damaged(path: pathlib.Path, reason: str) -> str:
    return (
        f"The cached weights must be as they were written. Received: {path} "
        f"({reason}). Delete it; the next run makes it again."
    )


def _arrays_hash(arrays: Arrays) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
