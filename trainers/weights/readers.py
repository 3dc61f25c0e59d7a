"""Reads the arrays of a weight file under canonical names.

A canonical name is `<layer>/<variable>` with Keras's variable names (`kernel`,
`bias`, `gamma`, `beta`, `moving_mean`, `moving_variance`). Nothing in a file
is executed: no calls in pickles, no external or virtual HDF5 data.
"""

import functools
import json
import pathlib
import re
import zipfile

import keras
import numpy as np
import safetensors
import safetensors.numpy
from absl import logging

from text2image import torch_reader
from trainers.weights import architectures, h5_reader, sources, torch_names

Arrays = dict[str, np.ndarray]

# The user's own classifier, under the names that scripts give it.
_OWN_HEAD = r"|(dense|logits|classifier|head|top|fc|output)(_\d+)?$"
# Layers that follow the slice in the full architecture. A file may hold them;
# any other layer that is not in the slice means a wrong file.
_LAYERS_AFTER = {
    "alexnet": r"(conv[345]|fc\d|features.*|classifier.*)$",
    "resnet": r"(conv2_block3|conv[345]_block\d+|post|predictions|probs)",
    "resnext": r"(layer[234]_|fc$)",
    "shufflenet": r"(stage[34]_|conv5(_bn)?$|fc$)",
    "vgg16": r"(block3_conv[23]|block[45]_conv[123]|fc\d|predictions)$",
    "wide_resnet": r"(layer[234]_|fc$)",
}


def read_arrays(
    path: pathlib.Path,
    slice_: keras.Model,
    backbone_name: str,
    layers_after: str = "",
) -> Arrays:
    """Reads the arrays of a slice from a file.

    Args:
        path: A .npz or .safetensors file with canonical names or torchvision's,
            a torch .pth, .pt or .bin file with torchvision's, or a Keras .h5,
            .hdf5, .weights.h5 or .keras file, of the slice or of the full
            architecture.
        slice_: The slice, whose layers give the order of their variables:
            Keras's files store them by position.
        backbone_name: Name of the slice's architecture.
        layers_after: Pattern of the layers that a file may hold after those
            of the slice; by default those of the backbone of that name.

    Returns:
        Canonical name to array, without the layers after the slice.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it cannot be read or has an unknown extension.
    """
    sources.check_source(str(path))
    suffix = path.suffix.lower()
    try:
        if suffix in sources.TORCH_SUFFIXES:
            arrays = _read_torch(path, backbone_name)
        elif suffix in sources.KERAS_SUFFIXES:
            variables = {
                layer.name: [variable.name for variable in layer.variables]
                for layer in slice_.layers
            }
            arrays = h5_reader.read_arrays(path, variables)
        elif suffix == ".npz":
            arrays = _canonical(path, _read_npz(path), backbone_name)
        else:
            arrays = _canonical(path, _read_safetensors(path), backbone_name)
    except (
        *(OSError, EOFError, KeyError, TypeError, AttributeError),
        *(zipfile.BadZipFile, UnicodeDecodeError, json.JSONDecodeError),
    ) as error:
        raise ValueError(
            f"`weights` must be a whole {suffix} file. Received: "
            f"{str(path)!r}, which cannot be read ({error}). Fetch it again."
        ) from error
    pattern = layers_after or _LAYERS_AFTER[backbone_name]
    return _without_layers_after(arrays, slice_, pattern + _OWN_HEAD)


def _without_layers_after(
    arrays: Arrays, slice_: keras.Model, pattern: str
) -> Arrays:
    in_slice = {layer.name for layer in slice_.layers}
    return {
        name: array
        for name, array in arrays.items()
        if (layer := name.rsplit("/", 1)[0]) in in_slice
        or not re.match(pattern, layer)
    }


def _read_torch(path: pathlib.Path, backbone_name: str) -> Arrays:
    checkpoint = torch_reader.read_checkpoint(path)
    _log_conversion(path, checkpoint.key, len(checkpoint.arrays))
    return _from_torch(path, checkpoint.arrays, backbone_name)


@functools.cache  # a run reads the file twice, before and after its records
def _log_conversion(path: pathlib.Path, key: str, num_tensors: int) -> None:
    logging.info(
        "weights: read %s without torch%s: %d tensors, converted in memory",
        path,
        f", its {key!r}" if key else "",
        num_tensors,
    )


def _from_torch(
    path: pathlib.Path, state: Arrays, backbone_name: str
) -> Arrays:
    try:
        return torch_names.canonical_arrays(state, backbone_name)
    except ValueError as error:
        raise ValueError(
            f"{path}: {error}{architectures.guess(state)}"
        ) from error


def _read_npz(path: pathlib.Path) -> Arrays:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            h5_reader.validate_size(path, entry.filename, entry.file_size)
    arrays = {}
    with np.load(path, allow_pickle=False) as archive:
        for name in archive.files:
            try:
                arrays[name] = archive[name]
            except ValueError as error:
                raise ValueError(
                    "`weights` must hold plain arrays of numbers. Received: "
                    f"{str(path)!r}, whose {name} is not one ({error}). Write "
                    "the file again with np.savez(PATH, **arrays), one float32 "
                    "array per name."
                ) from error
    return arrays


def _read_safetensors(path: pathlib.Path) -> Arrays:
    try:
        return safetensors.numpy.load_file(path)
    except safetensors.SafetensorError as error:
        raise OSError(str(error)) from error


def _canonical(
    path: pathlib.Path, arrays: Arrays, backbone_name: str
) -> Arrays:
    """Renames torch's; Keras layer names hold no dots (stage2_0_branch1)."""
    if torch_names.are_torch_names(list(arrays)):
        return _from_torch(path, arrays, backbone_name)
    return {name.replace(".", "_"): array for name, array in arrays.items()}
