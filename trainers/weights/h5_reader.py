"""Reads the arrays of Keras's files: .h5, .weights.h5 and .keras.

Nothing in a file is executed: a .keras file is a zip archive, of which only the
arrays and the names of the layers are read.
"""

import io
import json
import pathlib
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence

import h5py
import numpy as np

from text2image import torch_reader
from trainers.weights import architectures

Arrays = dict[str, np.ndarray]
# Name of a layer, and its arrays by position, with their names if they differ.
_Layer = tuple[str, list[h5py.Dataset]]

# Far above every array here: the largest of all architectures, the first dense
# layer of VGG16, has 411 MB.
MAX_ARRAY_BYTES = 1 << 30
_MAX_MEMBER_BYTES = 4 << 30
_WEIGHTS_MEMBER, _CONFIG_MEMBER = "model.weights.h5", "config.json"


def read_arrays(
    path: pathlib.Path, variables: Mapping[str, Sequence[str]]
) -> Arrays:
    """Reads the arrays of some layers; files store them by position.

    Args:
        path: A .h5 or .weights.h5 file, or a .keras archive.
        variables: Layer to the names of its variables, in Keras's order.

    Returns:
        `<layer>/<variable>` to array. A layer that `variables` lacks is not
        read: its `<layer>/array` is a zero.

    Raises:
        OSError, KeyError, zipfile.BadZipFile: If the file is damaged.
        ValueError: If its arrays lie in another file, are too large, or are
            too few or many for a layer.
    """
    if not zipfile.is_zipfile(path):
        with h5py.File(path, "r") as file:
            return _read(path, file, variables, {})
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo(_WEIGHTS_MEMBER)
        validate_size(
            path, member.filename, member.file_size, _MAX_MEMBER_BYTES
        )
        names = {}
        if _CONFIG_MEMBER in archive.namelist():
            names = _names_in_config(json.loads(archive.read(_CONFIG_MEMBER)))
        content = io.BytesIO(archive.read(member))
    with h5py.File(content, "r") as file:
        return _read(path, file, variables, names)


def validate_size(
    path: pathlib.Path,
    name: str,
    size_bytes: int,
    most: int = MAX_ARRAY_BYTES,
) -> None:
    """Refuses what no file of these architectures holds.

    Raises:
        ValueError: If an array is larger.
    """
    if size_bytes > most:
        raise ValueError(
            f"`weights` must hold arrays of at most {most} bytes. "
            f"Received: {size_bytes} bytes for {name} in {str(path)!r}"
        )


def _read(
    path: pathlib.Path,
    file: h5py.File,
    variables: Mapping[str, Sequence[str]],
    layer_names: Mapping[str, str],
) -> Arrays:
    root = _child(file, "model_weights") if "model_weights" in file else file
    is_legacy = "layer_names" in root.attrs or "layer_names0" in root.attrs
    layers = (
        _legacy_layers(root, variables)
        if is_legacy
        else _keras3_layers(file, layer_names)
    )
    arrays: Arrays = {}
    faults = []
    for layer, datasets in layers:
        names = variables.get(layer, [])
        if names and len(names) != len(datasets):
            faults.append(
                f"`weights` must hold {len(names)} arrays for {layer} "
                f"({', '.join(names)}). Received: {len(datasets)} in "
                f"{str(path)!r}"
            )
        # Arrays of a layer that is not in the slice are not read.
        for name, dataset in zip(names, datasets, strict=False):
            arrays[f"{layer}/{name}"] = _read_dataset(path, dataset)
        if not names and datasets:
            arrays[f"{layer}/array"] = np.zeros(())
    if faults:
        raise ValueError(f"{faults[0]}.{architectures.guess(arrays)}")
    return arrays


def _legacy_layers(
    root: h5py.Group, variables: Mapping[str, Sequence[str]]
) -> Iterator[_Layer]:
    """Yields layers of Keras 1 and 2: arrays in the order of an attribute.

    The names of the arrays are not used: in the published VGG16 file they are
    like `block1_conv1_W_1:0`. But a model within a model is one layer, whose
    arrays have the names of theirs: `block1_conv1/kernel:0`.
    """
    for layer in _names(root, "layer_names"):
        group = _child(root, layer)
        names = _names(group, "weight_names")
        inner: dict[str, list[str]] = {}
        for name in names:
            inner.setdefault(name.rpartition("/")[0].split("/")[-1], []).append(
                name
            )
        if layer in variables or not variables.keys() & inner.keys():
            inner = {layer: names}
        for owner, own_names in inner.items():
            yield owner, [_child(group, name) for name in own_names]


def _names(group: h5py.Group, key: str) -> list[str]:
    if key in group.attrs:
        values = list(group.attrs[key])
    else:  # long lists are split into key0, key1, ...
        values, part = [], 0
        while f"{key}{part}" in group.attrs:
            values += list(group.attrs[f"{key}{part}"])
            part += 1
    return [v.decode() if isinstance(v, bytes) else str(v) for v in values]


def _keras3_layers(
    file: h5py.File, layer_names: Mapping[str, str]
) -> Iterator[_Layer]:
    """Yields layers of `save_weights`: groups `vars`, usually with a name."""
    groups: list[tuple[str, h5py.Group]] = []

    def visit(path: str, item: object) -> None:
        if not isinstance(item, h5py.Group) or path.startswith("optimizer"):
            return
        parent, _, last = path.rpartition("/")
        # Keras numbers the arrays of a layer.
        if last == "vars" and parent and all(map(str.isdecimal, item)):
            name = item.attrs.get("name") or layer_names.get(
                parent.split("/")[-1]
            )
            if name is not None:
                groups.append((str(name), item))

    file.visititems(visit)  # follows no soft or external link
    for name, group in groups:
        keys = sorted(group, key=int)
        yield name, [_child(group, key) for key in keys]


def _names_in_config(config: Mapping) -> dict[str, str]:
    """Maps groups to layers, for files of Keras < 3.5 without names.

    Such files number the layers of a class: `conv2d`, `conv2d_1`. Source: Keras
    3.15, saving/saving_lib.py (`_save_container_state`).
    """
    names: dict[str, str] = {}
    for layer in config.get("config", {}).get("layers", []):
        kind = re.sub(r"\W+", "", layer["class_name"].split(">")[-1])
        # Keras's `to_snake_case`.
        kind = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind)
        kind = re.sub(r"([a-z])([A-Z])", r"\1_\2", kind).lower()
        number = 0
        while (f"{kind}_{number}" if number else kind) in names:
            number += 1
        key = f"{kind}_{number}" if number else kind
        names[key] = layer["config"]["name"]
    return names


def _child(group: h5py.Group, path: str) -> h5py.Group | h5py.Dataset:
    """Descends by hard links only: others may name any file on the disk."""
    for name in path.split("/"):
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(
                "`weights` must hold its arrays itself. Received: a file whose "
                f"{group.name}/{name} is a link to other data, or missing. "
                "Do not load it."
            )
        group = group[name]
    return group


def _read_dataset(path: pathlib.Path, dataset: h5py.Dataset) -> np.ndarray:
    if dataset.external or dataset.is_virtual:
        raise ValueError(
            "`weights` must hold its arrays itself. Received: "
            f"{str(path)!r}, whose {dataset.name} lies in another file. Do "
            "not load it."
        )
    validate_size(path, str(dataset.name), dataset.nbytes)
    array = dataset[()]
    if dataset.attrs.get("dtype") == "bfloat16":  # HDF5 has no such type
        return torch_reader.bfloat16_to_float32(array.view("<u2"))
    return array
