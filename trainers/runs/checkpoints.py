"""Weights and progress as safetensors: written whole, checked, no pickles."""

import hashlib
import json
import pathlib
from typing import Any

import keras
import numpy as np
import safetensors
import safetensors.numpy

from tfrecords import files


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
) -> str:
    """Writes variables and metadata as one safetensors file, atomically.

    Returns:
        The file's sha256.
    """
    content = safetensors.numpy.save(
        {name: np.asarray(value) for name, value in values.items()},
        {"metadata": json.dumps(metadata)},
    )
    files.write_bytes(path, content)
    return hashlib.sha256(content).hexdigest()


def load(
    path: pathlib.Path, values: dict[str, keras.Variable]
) -> dict[str, Any]:
    """Sets variables from a file and returns its metadata.

    Raises:
        ValueError: If the file is damaged, or its names and shapes are not
            those of `values`.
    """
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = json.loads(file.metadata()["metadata"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is not a complete file of weights ({error}). Delete it "
            "and train again."
        ) from error
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
