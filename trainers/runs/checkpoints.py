"""Weights and progress as safetensors: written whole, checked, no pickles."""

import hashlib
import json
import pathlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import safetensors
import safetensors.numpy

from tfrecords import files

# Keys of the metadata of files that say whose they are.
_RUN = "run"
_SHA256 = "content_sha256"


def variables(
    model: keras.Model, optimizer: keras.optimizers.Optimizer | None = None
) -> dict[str, keras.Variable]:
    """Every variable by its path, except those of dropout generators."""
    by_path = {
        variable.path: variable
        for variable in model.variables
        if "seed_generator" not in variable.path
    }
    if optimizer is not None:
        by_path |= {
            f"optimizer/{index}/{variable.name}": variable
            for index, variable in enumerate(optimizer.variables)
        }
    return by_path


def save(
    path: pathlib.Path,
    values: dict[str, keras.Variable],
    metadata: dict[str, Any],
    run: Mapping[str, Any] | None = None,
) -> str:
    """Writes variables and metadata as one safetensors file, atomically.

    Args:
        path: The file.
        values: Name to variable.
        metadata: What `load` returns.
        run: What identifies the run, for a file that no other file vouches
            for: with it, the file states a checksum of its content.

    Returns:
        The file's sha256.
    """
    arrays = {name: np.asarray(value) for name, value in values.items()}
    if run is not None:
        metadata = {**metadata, _RUN: dict(run)}
        metadata[_SHA256] = _digest(arrays, metadata)
    # One entry: safetensors writes several in any order.
    content = safetensors.numpy.save(arrays, {"metadata": json.dumps(metadata)})
    files.write_bytes(path, content)
    return hashlib.sha256(content).hexdigest()


def load(
    path: pathlib.Path,
    values: dict[str, keras.Variable],
    run: Mapping[str, Any] | None = None,
    *,
    cure: str = "Delete it and train again.",
) -> dict[str, Any]:
    """Sets variables from a file and returns its metadata.

    Args:
        path: The file.
        values: Name to variable.
        run: What identifies the run that the file must belong to; files of
            earlier versions do not say.
        cure: What to do about a damaged file, for errors.

    Raises:
        FileNotFoundError: If there is no file.
        ValueError: If the file is damaged, belongs to another run, or its
            names and shapes are not those of `values`.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing. {cure}")
    try:
        metadata, arrays = _read(path)
    except ValueError as error:
        raise ValueError(f"{path} is {error}. {cure}") from error
    received = metadata.pop(_RUN, None)
    if run is not None and received not in (None, dict(run)):
        raise ValueError(
            f"{path} must be of this run, {dict(run)}. Received: {received}, "
            f"another run's file of the same name. {cure}"
        )
    wrong = sorted(set(arrays) ^ set(values)) or [
        name
        for name, variable in values.items()
        if arrays[name].shape != tuple(variable.shape)
    ]
    if wrong:
        raise ValueError(
            f"{path} does not fit this model. First differences: {wrong[:5]}. "
            "It was made with other settings. Name another --workdir."
        )
    for name, variable in values.items():
        variable.assign(arrays[name])
    return metadata


def read(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Reads the arrays of a file whose sha256 was checked, by name.

    Raises:
        ValueError: If it is damaged.
    """
    try:
        return _read(path)[1]
    except ValueError as error:
        raise ValueError(f"{path} is {error}. Restore it.") from error


def find_fault(path: pathlib.Path) -> str | None:
    """Says what is wrong with a file of weights, as far as it states that."""
    try:
        _read(path)
    except ValueError as error:
        return str(error)
    return None


def _read(path: pathlib.Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Returns metadata and arrays.

    Raises:
        ValueError: If the file is damaged; says how.
    """
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = dict(json.loads(file.metadata()["metadata"]))
    except (
        safetensors.SafetensorError,
        KeyError,
        TypeError,
        ValueError,
    ) as error:
        raise ValueError(f"not a complete file of weights ({error})") from error
    if metadata.pop(_SHA256, None) not in (None, _digest(arrays, metadata)):
        raise ValueError("damaged: it was changed since it was written")
    return metadata, arrays


def _digest(
    arrays: Mapping[str, np.ndarray], metadata: Mapping[str, Any]
) -> str:
    """The sha256 of names, types, shapes, values and metadata."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(json.dumps(metadata, sort_keys=True).encode())
    return digest.hexdigest()
