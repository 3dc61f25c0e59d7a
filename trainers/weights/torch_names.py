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

    What a wrapper puts before every name (`module.` of DataParallel,
    `backbone.`, `_orig_mod.` of torch.compile) is cut off, and what lies beside
    the wrapped model is left out. Hugging Face's names of ResNets are read too.

    Args:
        state: torchvision's name (`layer1.0.bn1.running_mean`) to array;
            kernels are `(O, I, h, w)`, depthwise ones `(C, 1, h, w)`.
        backbone_name: Name of the slice to cut out.

    Returns:
        `<layer>/<variable>` to array; kernels are `(h, w, I, O)`, depthwise
        ones `(h, w, C, 1)`. Layers after the slice are left out; names that
        torchvision's model does not have are kept, for the caller to refuse.

    Raises:
        ValueError: If torchvision has no such slice, or the file holds several
            models.
    """
    if backbone_name not in _LAYER_NAMES:
        raise ValueError(
            "Weights with torch's names fit the slices "
            f"{sorted(_LAYER_NAMES)}. Received: backbone {backbone_name!r}. "
            "Use the weights of keras.applications."
        )
    layer_of, after_slice, anchor = _LAYER_NAMES[backbone_name]
    state = {_torchvision_name(name): array for name, array in state.items()}
    arrays = {}
    for name, array in _without_prefix(state, anchor).items():
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


def _torchvision_name(name: str) -> str:
    """Translates Hugging Face's names of ResNets; others stay."""
    for pattern, replacement in _HUGGING_FACE:
        name, count = re.subn(pattern, replacement, name)
        if count:
            break
    return name


def _hugging_face_layer(match: re.Match[str]) -> str:
    stage, block, number, kind = match.groups()
    layer = "conv" if kind == "convolution" else "bn"
    return f"layer{int(stage) + 1}.{block}.{layer}{int(number) + 1}."


def _hugging_face_shortcut(match: re.Match[str]) -> str:
    stage, block, kind = match.groups()
    number = 0 if kind == "convolution" else 1
    return f"layer{int(stage) + 1}.{block}.downsample.{number}."


_KIND = r"(convolution|normalization)\."
_STAGE = r"\bencoder\.stages\.(\d)\.layers\.(\d+)\."
# Source: transformers 5, models/resnet/modeling_resnet.py.
_HUGGING_FACE: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"\bembedder\.embedder\.convolution\.", "conv1."),
    (r"\bembedder\.embedder\.normalization\.", "bn1."),
    (_STAGE + r"layer\.(\d)\." + _KIND, _hugging_face_layer),
    (_STAGE + r"shortcut\." + _KIND, _hugging_face_shortcut),
)


def _without_prefix(
    state: Mapping[str, np.ndarray], anchor: str
) -> Mapping[str, np.ndarray]:
    """Cuts off what a wrapper puts before `anchor`, a name in every file."""
    prefixes = {
        name.removesuffix(anchor)
        for name in state
        if name == anchor or name.endswith(f".{anchor}")
    }
    if not prefixes or "" in prefixes:
        return state
    if len(prefixes) > 1:
        raise ValueError(
            "expected the tensors of one model. Received: those of several, "
            f"whose names begin with {', '.join(sorted(prefixes)[:5])}. Save "
            "the state dict of one of them."
        )
    (prefix,) = prefixes
    return {
        name.removeprefix(prefix): array
        for name, array in state.items()
        if name.startswith(prefix)
    }


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


# Backbone to a function that names our layer for a torch module, a pattern of
# the names after the slice, and a name that no other module's ends in.
_RESNET = (
    _resnet_layer,
    r"layer[234]\.|fc\.|classifier\.|head\.",
    "layer1.0.conv2.weight",
)
_LAYER_NAMES: dict[str, tuple[Callable[[str], str | None], str, str]] = {
    "alexnet": (
        _alexnet_layer,
        r"features\.(6|8|10)\.|classifier\.|fc\.|head\.",
        "features.0.weight",
    ),
    "resnext": _RESNET,
    "shufflenet": (
        _shufflenet_layer,
        r"stage[34]\.|conv5\.|fc\.|classifier\.|head\.",
        "stage2.0.branch1.0.weight",
    ),
    "wide_resnet": _RESNET,
}
