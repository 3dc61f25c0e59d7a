"""The reader of .pth files: written by torch, damaged, and hostile."""

import pathlib
import zipfile

import ml_dtypes
import numpy as np
import pytest

from tests.support.backbones_pth_writer import Global, write_state
from text2image import torch_reader
from trainers.weights import torch_names

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
LAYOUTS = ("archive", "stream")


class _Call:
    """Pickles as a call of a function, as a hostile file would have it."""

    def __init__(self, module, name, *arguments):
        self.function = Global(module, name)
        self.arguments = arguments

    def __reduce__(self):
        return self.function, self.arguments


class _Instance:
    """Pickles as an object of a class, with its attributes."""

    def __init__(self, module, name, attributes):
        self.cls, self.attributes = Global(module, name), attributes

    def __reduce__(self):
        return self.cls, (), self.attributes


@pytest.mark.parametrize("layout", LAYOUTS)
def test_files_written_by_torch_are_read(layout):
    state = torch_reader.read_state_dict(GOLDEN / f"backbones_{layout}.pth")
    assert list(state) == [
        "0.weight",
        "0.bias",
        "1.weight",
        "1.bias",
        "1.running_mean",
        "1.running_var",
        "1.num_batches_tracked",
        "transposed",
        "second_row",
    ]
    np.testing.assert_array_equal(
        state["0.weight"], np.arange(12.0).reshape(3, 2, 1, 2)
    )
    np.testing.assert_array_equal(state["1.running_var"], [500, 501, 502])
    assert state["1.num_batches_tracked"].dtype == np.int64
    np.testing.assert_array_equal(
        state["transposed"], np.arange(6.0).reshape(2, 3).T
    )
    np.testing.assert_array_equal(state["second_row"], [3, 4, 5])


@pytest.mark.parametrize("stream", [False, True])
def test_files_written_by_the_tests_are_read_in_both_layouts(tmp_path, stream):
    state = {
        "single": np.arange(6, dtype="float32").reshape(2, 3),
        "half": np.array([1.5, -2.0], "float16"),
        "count": np.array(7),
    }
    path = tmp_path / "state.pth"
    write_state(path, state, stream=stream)
    read = torch_reader.read_state_dict(path)
    assert list(read) == list(state)
    for name, array in state.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].dtype == array.dtype


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("builtins", "eval"),
        ("builtins", "exec"),
        ("os", "system"),
        ("torch.storage", "_load_from_bytes"),
        ("torch", "load"),
        ("collections", "Counter"),
        ("torch._utils", "_rebuild_tensor_v2.__globals__"),
    ],
)
def test_hostile_call_is_refused_and_not_made(tmp_path, stream, module, name):
    marker = tmp_path / "marker"
    code = f"open({str(marker)!r}, 'w')"
    path = tmp_path / "hostile.pth"
    state = {"a": np.zeros(2, "float32"), "b": _Call(module, name, code)}
    write_state(path, state, stream=stream)
    with pytest.raises(ValueError, match="asks for more than a state dict"):
        torch_reader.read_state_dict(path)
    assert not marker.exists()


def test_file_without_tensors_is_refused(tmp_path):
    path = tmp_path / "state.pth"
    write_state(path, {"epoch": 3, "lr": 0.1}, stream=False)
    with pytest.raises(ValueError, match=r"without tensors \(epoch, lr\)"):
        torch_reader.read_state_dict(path)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "dtype",
    [
        *("float64", "float32", "float16", ml_dtypes.bfloat16),
        *("int64", "int32", "int16", "int8", "uint8", "bool"),
    ],
)
def test_every_type_of_number_is_read(tmp_path, stream, dtype):
    array = np.array([[1.0, 0.0], [3.140625, 100.0]]).astype(dtype)
    path = tmp_path / "state.pth"
    write_state(path, {"w": array}, stream=stream)
    received = torch_reader.read_state_dict(path)["w"]
    np.testing.assert_array_equal(received, array.astype(received.dtype))
    widened = "float32" if dtype is ml_dtypes.bfloat16 else dtype
    assert received.dtype == widened


WEIGHTS = {"a.weight": np.ones((2, 3), "float32")}
BESIDE = {
    "epoch": 3,
    "arch": "alexnet",
    "best_acc1": np.array(71.5, "float32"),
    "history": [0.1, (None, True), {"loss": 2.0}],
    "args": _Instance("argparse", "Namespace", {"lr": 0.1}),
    "best": _Call("numpy._core.multiarray", "scalar", "<f8", b"12345678"),
    "optimizer": {
        "state": {0: {"exp_avg": np.zeros(9, "float32")}},
        "param_groups": [{"lr": 0.1, "betas": (0.9, 0.999)}],
    },
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "key", ["state_dict", "model_state_dict", "model", "net", "my_own_name"]
)
def test_state_dict_in_a_checkpoint_is_read(tmp_path, stream, key):
    path = tmp_path / "checkpoint.pth"
    write_state(path, {**BESIDE, key: WEIGHTS}, stream=stream)
    checkpoint = torch_reader.read_checkpoint(path)
    assert checkpoint.key == key
    assert list(checkpoint.arrays) == ["a.weight"]
    np.testing.assert_array_equal(
        checkpoint.arrays["a.weight"], WEIGHTS["a.weight"]
    )


def test_usual_name_is_taken_before_an_average(tmp_path):
    path = tmp_path / "checkpoint.pth"
    ema = {"a.weight": np.zeros(2, "float32")}
    state = {"model_ema": ema, "state_dict": WEIGHTS}
    write_state(path, state, stream=False)
    assert torch_reader.read_checkpoint(path).key == "state_dict"


def test_several_models_are_refused_by_name(tmp_path):
    path = tmp_path / "checkpoint.pth"
    state = {"generator": WEIGHTS, "discriminator": WEIGHTS}
    write_state(path, state, stream=False)
    with pytest.raises(ValueError, match=r"several \(generator, discrim"):
        torch_reader.read_checkpoint(path)


def test_whole_model_is_told_how_to_save_its_state_dict(tmp_path):
    path = tmp_path / "model.pth"
    model = _Instance("torchvision.models.alexnet", "AlexNet", {})
    write_state(path, {"model": model}, stream=False)
    with pytest.raises(
        ValueError, match=r"alexnet\.AlexNet.*torch\.save\(model\.state_dict"
    ):
        torch_reader.read_state_dict(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"\n<!DOCTYPE html><html>", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
        (b"PK\x05\x06" + bytes(18), "zip archive with data.pkl"),
        (b"junk", "not a readable torch state dict"),
    ],
)
def test_other_content_is_named(tmp_path, content, message):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        torch_reader.read_state_dict(path)
    assert "weights.pth" in str(caught.value)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_truncation_is_an_error_that_names_the_file(tmp_path, layout):
    whole = (GOLDEN / f"backbones_{layout}.pth").read_bytes()
    path = tmp_path / "cut.pth"
    for length in range(0, len(whole), 61):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"cut\.pth"):
            torch_reader.read_state_dict(path)


def test_tensor_beyond_its_storage_is_refused(tmp_path):
    path = tmp_path / "state.pth"
    # The pickled shape (2, 3) becomes (2, 9).
    state = {"w": np.zeros((2, 3), "float32")}
    write_state(path, state, stream=True)
    altered = path.read_bytes().replace(b"K\x02K\x03\x86", b"K\x02K\x09\x86")
    assert altered != path.read_bytes()
    path.write_bytes(altered)
    with pytest.raises(ValueError, match="does not lie within"):
        torch_reader.read_state_dict(path)


def test_names_after_the_slice_are_left_out_and_unknown_ones_are_kept():
    array = np.zeros((4, 3, 2, 2), "float32")
    names = ["features.0.weight", "features.6.weight", "classifier.1.bias", "x"]
    arrays = torch_names.canonical_arrays(
        dict.fromkeys(names, array), "alexnet"
    )
    assert sorted(arrays) == ["conv1/kernel", "x"]
    assert arrays["conv1/kernel"].shape == (2, 2, 3, 4)


def test_torchvision_names_for_a_keras_architecture_are_refused():
    with pytest.raises(ValueError, match=r"keras\.applications"):
        torch_names.canonical_arrays({}, "vgg16")


def test_archive_whose_storage_has_a_different_size_is_refused(tmp_path):
    path = tmp_path / "state.pth"
    write_state(path, {"w": np.zeros(4, "float32")}, stream=False)
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents["archive/data/0"] = bytes(1 << 20)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match="expected 16 bytes"):
        torch_reader.read_state_dict(path)
