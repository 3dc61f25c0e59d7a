"""Makes backbones_<name>.npz: torchvision's slices on seeded weights.

Run once, from the repository root, where torch and torchvision are installed
(never a dependency of the project):

    PYTHONPATH=. python tests/golden/make_backbones.py
"""

import pathlib
from typing import Any

import numpy as np
import torch

from tests.support import backbones_arrays
from tools import torchvision_slices
from trainers.weights import torch_names


def full_name(name: str, key: str) -> str:
    """Turns `4.0.bn1.weight` of the slice into `layer1.0.bn1.weight`."""
    index, rest = key.split(".", 1)
    return f"{torchvision_slices.PREFIXES[name][index]}.{rest}"


def set_random_weights(slice_: torch.nn.Sequential, name: str) -> None:
    """Fills the slice with the arrays that the test gives to Keras."""
    state = {
        full_name(name, key): tensor.numpy()
        for key, tensor in slice_.state_dict().items()
    }
    # Each array is marked by the position of its name, to find the way back
    # from the canonical one without a second table.
    keys = list(state)
    marks = {key: np.full(state[key].shape, i) for i, key in enumerate(keys)}
    canonical = torch_names.canonical_arrays(marks, name)
    drawn = backbones_arrays.random_weights(
        {key: array.shape for key, array in canonical.items()}
    )
    slice_keys = dict(zip(keys, slice_.state_dict(), strict=True))
    new = {}
    for key, array in drawn.items():
        source = keys[int(canonical[key].flat[0])]
        if array.ndim == 4:
            depthwise = array.shape[-1] == 1
            array = array.transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1))
        new[slice_keys[source]] = torch.from_numpy(np.ascontiguousarray(array))
    missing, unexpected = slice_.load_state_dict(new, strict=False)
    assert not unexpected, unexpected
    assert all(key.endswith("num_batches_tracked") for key in missing), missing


def save_tiny_states() -> None:
    """Writes a tiny state dict in both layouts of torch.save."""
    layers = torch.nn.Sequential(
        torch.nn.Conv2d(2, 3, (1, 2)), torch.nn.BatchNorm2d(3)
    )
    state = layers.state_dict()
    for index, (key, tensor) in enumerate(state.items()):
        if tensor.dtype == torch.float32:
            values = torch.arange(tensor.numel()) + 100.0 * index
            state[key] = values.reshape(tensor.shape)
    # Two views of one storage: a transposed and a shifted one.
    base = torch.arange(6.0).reshape(2, 3)
    state["transposed"], state["second_row"] = base.T, base[1]
    for layout, is_archive in (("archive", True), ("stream", False)):
        path = pathlib.Path(__file__).with_name(f"backbones_{layout}.pth")
        torch.save(state, path, _use_new_zipfile_serialization=is_archive)


def main() -> None:
    """Writes one file per slice, and the tiny state dicts, to this folder."""
    save_tiny_states()
    models = torchvision_slices.import_models()
    for name in torchvision_slices.PREFIXES:
        slice_ = torchvision_slices.build_slice(models, name).eval()
        set_random_weights(slice_, name)
        arrays: dict[str, Any] = {}
        for height, width in backbones_arrays.SIZES:
            images = backbones_arrays.random_images(height, width)
            with torch.no_grad():
                maps = slice_(torch.from_numpy(images.transpose(0, 3, 1, 2)))
            samples = backbones_arrays.samples(
                maps.numpy().transpose(0, 2, 3, 1)
            )
            for kind, array in samples.items():
                arrays[f"{height}x{width}/{kind}"] = array
        path = pathlib.Path(__file__).with_name(f"backbones_{name}.npz")
        np.savez_compressed(path, **arrays)


if __name__ == "__main__":
    main()
