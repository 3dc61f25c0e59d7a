"""Draws, writes and compares the weights of a slice."""

import h5py
import numpy as np

from tests.support import backbones_arrays, backbones_pth_writer
from trainers import backbones
from trainers.backbones.slices import build_slice
from trainers.weights import load


def random_arrays(slice_):
    shapes = {k: v.shape for k, v in load.slice_arrays(slice_).items()}
    return backbones_arrays.random_weights(shapes)


def load_source(slice_, name, path):
    load.load_weights(slice_, backbones.get_backbone(name), str(path))
    return load.slice_arrays(slice_)


def assert_equal(received, expected):
    assert sorted(received) == sorted(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(received[name], array, err_msg=name)


def write_legacy_h5(path, arrays, rename=None):
    """Writes the layout of keras.applications: names by attribute."""
    layers = list(dict.fromkeys(name.split("/")[0] for name in arrays))
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in layers]
        for layer in layers:
            names = [n for n in arrays if n.split("/")[0] == layer]
            group = file.create_group(layer)
            stored = [rename(n) if rename else f"{n}:0" for n in names]
            group.attrs["weight_names"] = [name.encode() for name in stored]
            for name, key in zip(names, stored, strict=True):
                group[key] = arrays[name]


def changed(arrays, **changes):
    """Returns a copy with changes; `None` removes, `__` means a slash."""
    copy = dict(arrays)
    for key, value in changes.items():
        name = key.replace("__", "/")
        if value is None:
            del copy[name]
        else:
            copy[name] = value
    return copy


_ALEXNET_NAMES = {
    "conv1/kernel": "features.0.weight",
    "conv1/bias": "features.0.bias",
    "conv2/kernel": "features.3.weight",
    "conv2/bias": "features.3.bias",
}


def write_alexnet(tmp_path, stream, dtype="float32"):
    """Writes source.pth in a published layout; returns its bytes and arrays."""
    slice_ = build_slice(backbones.get_backbone("alexnet"))
    arrays = random_arrays(slice_)
    arrays = {k: v.astype(dtype).astype("float32") for k, v in arrays.items()}
    state = {
        _ALEXNET_NAMES[name]: (
            array.transpose(3, 2, 0, 1) if array.ndim == 4 else array
        ).astype(dtype)
        for name, array in arrays.items()
    }
    state["features.6.weight"] = np.zeros((2, 2, 1, 1), dtype)
    state["classifier.1.bias"] = np.zeros(3, dtype)
    path = tmp_path / "source.pth"
    backbones_pth_writer.write_state(path, state, stream=stream)
    return path.read_bytes(), arrays
