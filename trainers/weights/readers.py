"""Reads the arrays of a weight file under canonical names.

A canonical name is `<layer>/<variable>` with Keras's variable names (`kernel`,
`bias`, `gamma`, `beta`, `moving_mean`, `moving_variance`). Nothing in a file
is executed: no pickles, no external or virtual HDF5 data.
"""

import pathlib
import re
import zipfile
from collections.abc import Iterator

import h5py
import keras
import numpy as np
import safetensors
import safetensors.numpy

from trainers.weights import sources, torch_names

Arrays = dict[str, np.ndarray]

# Far above every array here: the largest of all architectures, the first dense
# layer of VGG16, has 411 MB.
_MAX_ARRAY_BYTES = 1 << 30

# Layers that follow the slice in the full architecture. A file may hold them;
# any other layer that is not in the slice means a wrong file.
_LAYERS_AFTER = {
    "alexnet": r"(conv[345]|fc\d|features.*|classifier.*)$",
    "resnet": r"(conv2_block3|conv[345]_block\d+|post|predictions|probs)",
    "resnext": r"(layer[234]_|fc$)",
    "shufflenet": r"(stage[34]_|conv5(_bn)?$|fc$)",
    "vgg16": r"(block3_conv[23]|block[45]_conv\d|fc\d|predictions)$",
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
        path: A .npz or .safetensors file with canonical names (in
            .safetensors also torchvision's), or a Keras .h5 or .weights.h5
            file of the slice or of the full architecture.
        slice_: The slice, whose layers give the order of their variables:
            .h5 files store them by position.
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
    readers = {".npz": _read_npz, ".safetensors": _read_safetensors}
    try:
        if path.suffix == ".h5":
            arrays = _read_h5(path, slice_)
        else:
            arrays = readers[path.suffix](path, backbone_name)
    except (OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"`weights` must be a whole {path.suffix} file. Received: "
            f"{str(path)!r}, which cannot be read ({error}). Fetch it again."
        ) from error
    pattern = layers_after or _LAYERS_AFTER[backbone_name]
    return _without_layers_after(arrays, slice_, pattern)


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


def _read_npz(path: pathlib.Path, _: str) -> Arrays:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            _validate_size(path, entry.filename, entry.file_size)
    with np.load(path, allow_pickle=False) as archive:
        return {_canonical(name): archive[name] for name in archive.files}


def _read_safetensors(path: pathlib.Path, backbone_name: str) -> Arrays:
    try:
        arrays = safetensors.numpy.load_file(path)
    except safetensors.SafetensorError as error:
        raise OSError(str(error)) from error
    if torch_names.are_torch_names(list(arrays)):
        return torch_names.canonical_arrays(arrays, backbone_name)
    return {_canonical(name): array for name, array in arrays.items()}


def _canonical(name: str) -> str:
    """Keras layer names hold no dots: stage2.0.branch1 is stage2_0_branch1."""
    return name.replace(".", "_")


def _read_h5(path: pathlib.Path, slice_: keras.Model) -> Arrays:
    variables = {
        layer.name: [variable.name for variable in layer.variables]
        for layer in slice_.layers
    }
    arrays = {}
    with h5py.File(path, "r") as file:
        root = (
            _child(file, "model_weights") if "model_weights" in file else file
        )
        legacy = "layer_names" in root.attrs or "layer_names0" in root.attrs
        layers = _legacy_layers(root) if legacy else _keras3_layers(file)
        for layer, datasets in layers:
            names = variables.get(layer, [])
            if names and len(names) != len(datasets):
                raise ValueError(
                    f"`weights` must hold {len(names)} arrays for {layer} "
                    f"({', '.join(names)}). Received: {len(datasets)} in "
                    f"{str(path)!r}"
                )
            # Arrays of a layer that is not in the slice are not read.
            for name, dataset in zip(names, datasets, strict=False):
                arrays[f"{layer}/{name}"] = _read_dataset(path, dataset)
            if not names and datasets:
                arrays[f"{layer}/0"] = np.zeros(())
    return arrays


def _legacy_layers(root: h5py.Group) -> Iterator[tuple[str, list]]:
    """Yields layers of Keras 1 and 2: arrays in the order of an attribute.

    The names of the arrays are not used: in the published VGG16 file they are
    like `block1_conv1_W_1:0`.
    """
    for layer in _names(root, "layer_names"):
        group = _child(root, layer)
        names = _names(group, "weight_names")
        yield layer, [_child(group, name) for name in names]


def _names(group: h5py.Group, key: str) -> list[str]:
    if key in group.attrs:
        values = list(group.attrs[key])
    else:  # long lists are split into key0, key1, ...
        values, part = [], 0
        while f"{key}{part}" in group.attrs:
            values += list(group.attrs[f"{key}{part}"])
            part += 1
    return [v.decode() if isinstance(v, bytes) else str(v) for v in values]


def _keras3_layers(file: h5py.File) -> Iterator[tuple[str, list]]:
    """Yields layers of `save_weights`: groups `vars` with a name."""
    groups: list[h5py.Group] = []

    def visit(path: str, item: object) -> None:
        if (
            isinstance(item, h5py.Group)
            and path.endswith("/vars")
            and "name" in item.attrs
            and not path.startswith("optimizer")
        ):
            groups.append(item)

    file.visititems(visit)  # follows no soft or external link
    for group in groups:
        keys = sorted(group, key=int)
        yield str(group.attrs["name"]), [_child(group, key) for key in keys]


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
    _validate_size(path, str(dataset.name), dataset.nbytes)
    return dataset[()]


def _validate_size(path: pathlib.Path, name: str, size_bytes: int) -> None:
    if size_bytes > _MAX_ARRAY_BYTES:
        raise ValueError(
            f"`weights` must hold arrays of at most {_MAX_ARRAY_BYTES} bytes. "
            f"Received: {size_bytes} bytes for {name} in {str(path)!r}"
        )
