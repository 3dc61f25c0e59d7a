"""Draws, writes and compares the weights of a slice."""

import h5py
import numpy as np

from tests.golden import backbones_arrays
from trainers import backbones
from trainers.weights import load as weights


def random_arrays(slice_):
    shapes = {k: v.shape for k, v in weights.slice_arrays(slice_).items()}
    return backbones_arrays.random_weights(shapes)


def load(slice_, name, path):
    weights.load_weights(slice_, backbones.get_backbone(name), str(path))
    return weights.slice_arrays(slice_)


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
