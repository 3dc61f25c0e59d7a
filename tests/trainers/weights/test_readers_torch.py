"""`--weights=PATH` for the files that torch.save writes."""

import ml_dtypes
import numpy as np
import pytest

from tests.support import backbones_pth_writer, backbones_weights
from trainers import backbones
from trainers.backbones.slices import build_slice
from trainers.weights import torch_names


def torch_state(arrays, rename):
    """Arrays of a slice in torch's layout, under the names of `rename`."""
    state = {}
    for name, array in arrays.items():
        depthwise = array.shape[-1] == 1
        axes = (2, 3, 0, 1) if depthwise else (3, 2, 0, 1)
        state[rename(name)] = np.ascontiguousarray(
            array.transpose(axes) if array.ndim == 4 else array
        )
    return state


VARIABLES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def torchvision_name(name):
    layer, variable = name.split("/")
    return f"{torchvision_module(layer)}.{VARIABLES[variable]}"


def torchvision_module(layer):
    """Name of torchvision's for a layer of AlexNet or of a ResNet."""
    if layer in ("conv1", "conv2"):
        return layer
    if layer == "conv1_bn":
        return "bn1"
    stage, block, *rest = layer.split("_")
    kind, is_norm = rest[0], rest[-1] == "bn"
    if kind == "downsample":
        return f"{stage}.{block}.downsample.{int(is_norm)}"
    return f"{stage}.{block}.{'bn' if is_norm else 'conv'}{kind[-1]}"


def alexnet_name(name):
    name = torchvision_name(name)
    return name.replace("conv1", "features.0").replace("conv2", "features.3")


def hugging_face_name(name):
    """Name of transformers' ResNetForImageClassification."""
    layer, variable = name.split("/")
    kind = "normalization" if layer.endswith("_bn") else "convolution"
    last = f"{kind}.{VARIABLES[variable]}"
    if layer.startswith("conv1"):
        return f"resnet.embedder.embedder.{last}"
    _, block, part, *_ = layer.split("_")
    inner = "shortcut" if part == "downsample" else f"layer.{int(part[-1]) - 1}"
    return f"resnet.encoder.stages.0.layers.{block}.{inner}.{last}"


@pytest.fixture(scope="module")
def wide_resnet():
    return build_slice(backbones.get_backbone("wide_resnet"))


@pytest.fixture(scope="module")
def wide_arrays(wide_resnet):
    return backbones_weights.random_arrays(wide_resnet)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "name", ["w.pth", "w.pt", "pytorch_model.bin", "W.PTH"]
)
def test_state_dict_is_read_as_it_is(tmp_path, alexnet, name, stream, caplog):
    arrays = backbones_weights.random_arrays(alexnet)
    path = tmp_path / name
    state = torch_state(arrays, alexnet_name)
    backbones_pth_writer.write_state(path, state, stream=stream)
    with caplog.at_level("INFO"):
        received = backbones_weights.load_source(alexnet, "alexnet", path)
    backbones_weights.assert_equal(received, arrays)
    assert f"read {path} without torch: 4 tensors" in caplog.text


@pytest.mark.parametrize(
    "dtype", ["float16", "float64", ml_dtypes.bfloat16], ids=str
)
def test_other_precisions_are_read(tmp_path, alexnet, dtype):
    arrays = {
        name: array.astype(dtype)
        for name, array in backbones_weights.random_arrays(alexnet).items()
    }
    path = tmp_path / "w.pth"
    state = torch_state(arrays, alexnet_name)
    backbones_pth_writer.write_state(path, state, stream=False)
    backbones_weights.assert_equal(
        backbones_weights.load_source(alexnet, "alexnet", path),
        {name: array.astype("float32") for name, array in arrays.items()},
    )


@pytest.mark.parametrize(
    "prefix",
    ["module.", "model.", "backbone.", "_orig_mod.", "module.encoder_q."],
)
@pytest.mark.parametrize("key", ["", "state_dict"])
def test_names_of_wrappers_are_cut_off(
    tmp_path, wide_resnet, wide_arrays, prefix, key
):
    state = torch_state(wide_arrays, lambda n: prefix + torchvision_name(n))
    state |= {
        f"{prefix}layer2.0.conv1.weight": np.zeros((1, 1, 1, 1), "float32"),
        f"{prefix}bn1.num_batches_tracked": np.array(7),
        f"{prefix}fc.bias": np.zeros(3, "float32"),
        "criterion.weight": np.zeros(3, "float32"),
    }
    path = tmp_path / "checkpoint.pth"
    content = {"epoch": 9, key: state} if key else state
    backbones_pth_writer.write_state(path, content, stream=False)
    received = backbones_weights.load_source(wide_resnet, "wide_resnet", path)
    backbones_weights.assert_equal(received, wide_arrays)


def test_hugging_face_names_are_read_where_the_shapes_fit(
    tmp_path, wide_resnet, wide_arrays
):
    state = torch_state(wide_arrays, hugging_face_name)
    zeros = np.zeros((1, 1, 1, 1), "float32")
    state["resnet.encoder.stages.1.layers.0.layer.0.convolution.weight"] = zeros
    state["classifier.1.weight"] = np.zeros((2, 2), "float32")
    path = tmp_path / "pytorch_model.bin"
    backbones_pth_writer.write_state(path, state, stream=False)
    received = backbones_weights.load_source(wide_resnet, "wide_resnet", path)
    backbones_weights.assert_equal(received, wide_arrays)


@pytest.mark.parametrize("backbone", ["resnet", "wide_resnet"])
@pytest.mark.parametrize("rename", [hugging_face_name, torchvision_name])
def test_resnet_50_v1_is_refused_by_its_name(
    tmp_path, resnet, wide_resnet, wide_arrays, rename, backbone
):
    narrow = {
        name: np.zeros([min(side, 64) for side in array.shape], "float32")
        for name, array in wide_arrays.items()
    }
    path = tmp_path / "resnet50.bin"
    state = torch_state(narrow, rename)
    backbones_pth_writer.write_state(path, state, stream=False)
    slice_ = resnet if backbone == "resnet" else wide_resnet
    with pytest.raises(
        ValueError, match=r"seems to be ResNet-50.*V1"
    ) as caught:
        backbones_weights.load_source(slice_, backbone, path)
    assert "resnet50.bin" in str(caught.value)
    assert len(str(caught.value)) < 500


def test_two_models_in_one_state_dict_are_refused():
    array = np.zeros((1, 1, 1, 1), "float32")
    names = [f"{who}.layer1.0.conv2.weight" for who in ("student", "teacher")]
    with pytest.raises(ValueError, match=r"begin with student\., teacher\."):
        torch_names.canonical_arrays(dict.fromkeys(names, array), "resnext")


def test_nan_is_refused_by_file_and_array(tmp_path, alexnet):
    arrays = backbones_weights.random_arrays(alexnet)
    arrays["conv2/bias"][3] = np.nan
    path = tmp_path / "diverged.pth"
    state = torch_state(arrays, alexnet_name)
    backbones_pth_writer.write_state(path, state, stream=False)
    with pytest.raises(ValueError, match=r"diverged.*conv2/bias: not finite"):
        backbones_weights.load_source(alexnet, "alexnet", path)


def test_integers_are_refused_by_file_and_array(tmp_path, alexnet):
    arrays = backbones_weights.random_arrays(alexnet)
    state = torch_state(arrays, alexnet_name)
    state["features.0.bias"] = np.zeros(64, "int8")
    path = tmp_path / "quantised.pth"
    backbones_pth_writer.write_state(path, state, stream=False)
    with pytest.raises(ValueError, match=r"quantised.*conv1/bias: .*int8"):
        backbones_weights.load_source(alexnet, "alexnet", path)
