"""Renames and transposes torchvision's weights of the four ported slices.

Imports numpy only, so that the same table serves the reader of published
weights and the script that makes the reference tensors with torchvision.
"""

import re
from collections.abc import Callable, Mapping

import numpy as np

Arrays = dict[str, np.ndarray]

_BATCH_NORM = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
_CONVOLUTION = {"weight": "kernel", "bias": "bias"}

# Branch of torchvision's InvertedResidual to our layer at each position.
_SHUFFLENET_BRANCHES = {
    "branch1": ("dw", "dw_bn", "pw", "pw_bn"),
    "branch2": ("pw1", "pw1_bn", "", "dw", "dw_bn", "pw2", "pw2_bn"),
}


def canonical_arrays(
    state: Mapping[str, np.ndarray], backbone_name: str
) -> Arrays:
    """Renames and transposes a torchvision state dict.

    Args:
        state: torchvision's name (`layer1.0.bn1.running_mean`) to array;
            kernels are `(O, I, h, w)`, depthwise ones `(C, 1, h, w)`.
        backbone_name: Name of the slice to cut out.

    Returns:
        `<layer>/<variable>` to array; kernels are `(h, w, I, O)`, depthwise
        ones `(h, w, C, 1)`. Layers after the slice are left out; names that
        torchvision's model does not have are kept, for the caller to refuse.

    Raises:
        ValueError: If torchvision has no such slice.
    """
    if backbone_name not in _LAYER_NAMES:
        raise ValueError(
            "Weights with torchvision's names fit the slices "
            f"{sorted(_LAYER_NAMES)}. Received: backbone {backbone_name!r}. "
            "Use the weights of keras.applications."
        )
    layer_of, after_slice = _LAYER_NAMES[backbone_name]
    arrays = {}
    for name, array in state.items():
        module, _, variable = name.rpartition(".")
        if variable == "num_batches_tracked" or re.match(after_slice, name):
            continue
        layer = layer_of(module)
        if layer is None:
            arrays[name.replace("/", ".")] = array
            continue
        names = _BATCH_NORM if layer.endswith("_bn") else _CONVOLUTION
        arrays[f"{layer}/{names.get(variable, variable)}"] = _transposed(array)
    return arrays


def are_torch_names(names: list[str]) -> bool:
    """Whether names are torchvision's; ours have a slash."""
    return any(re.search(r"\.(weight|running_mean)$", name) for name in names)


def _transposed(array: np.ndarray) -> np.ndarray:
    if array.ndim != 4:
        return array
    # No ordinary convolution of these slices has one input channel.
    depthwise = array.shape[1] == 1
    return array.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))


def _alexnet_layer(module: str) -> str | None:
    return {"features.0": "conv1", "features.3": "conv2"}.get(module)


def _shufflenet_layer(module: str) -> str | None:
    if module in ("conv1.0", "conv1.1"):
        return "conv1" if module.endswith("0") else "conv1_bn"
    match = re.fullmatch(r"stage2\.(\d)\.(branch[12])\.(\d)", module)
    if match is None:
        return None
    unit, branch, position = match.groups()
    names = _SHUFFLENET_BRANCHES[branch]
    if int(position) >= len(names) or not names[int(position)]:
        return None
    return f"stage2_{unit}_{branch}_{names[int(position)]}"


def _resnet_layer(module: str) -> str | None:
    if module in ("conv1", "bn1"):
        return "conv1" if module == "conv1" else "conv1_bn"
    match = re.fullmatch(r"layer1\.(\d)\.(conv|bn|downsample\.)(\d)", module)
    if match is None:
        return None
    block, kind, number = match.groups()
    if kind == "downsample.":
        return f"layer1_{block}_downsample" + ("_bn" if number == "1" else "")
    return f"layer1_{block}_conv{number}" + ("_bn" if kind == "bn" else "")


# Backbone to a function that names our layer for a torch module, and a pattern
# of the names after the slice.
_RESNET = (_resnet_layer, r"layer[234]\.|fc\.")
_LAYER_NAMES: dict[str, tuple[Callable[[str], str | None], str]] = {
    "alexnet": (_alexnet_layer, r"features\.(6|8|10)\.|classifier\."),
    "resnext": _RESNET,
    "shufflenet": (_shufflenet_layer, r"stage[34]\.|conv5\.|fc\."),
    "wide_resnet": _RESNET,
}
