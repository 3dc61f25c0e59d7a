"""`--weights=PATH`: every layout is read, every wrong file is refused."""

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

from tests.support import backbones_arrays
from tests.support.backbones_weights import (
    assert_equal,
    changed,
    load_source,
    random_arrays,
    write_legacy_h5,
)
from trainers import backbones
from trainers.backbones.slices import build_slice
from trainers.weights import load, sources


@pytest.fixture(scope="module")
def shufflenet():
    return build_slice(backbones.get_backbone("shufflenet"))


@pytest.mark.parametrize("suffix", [".npz", ".NPZ", ".safetensors"])
def test_canonical_names_are_read(tmp_path, shufflenet, suffix):
    arrays = random_arrays(shufflenet)
    path = tmp_path / f"w{suffix}"
    if suffix != ".safetensors":  # dots, as the layout of the published slices
        dotted = {k.replace("_0_", ".0."): v for k, v in arrays.items()}
        with path.open("wb") as file:
            np.savez(file, **dotted)
    else:
        safetensors.numpy.save_file(arrays, path)
    assert_equal(load_source(shufflenet, "shufflenet", path), arrays)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_torchvision_names_are_read(tmp_path, alexnet, suffix):
    arrays = random_arrays(alexnet)
    state = {
        "features.0.weight": arrays["conv1/kernel"].transpose(3, 2, 0, 1),
        "features.0.bias": arrays["conv1/bias"],
        "features.3.weight": arrays["conv2/kernel"].transpose(3, 2, 0, 1),
        "features.3.bias": arrays["conv2/bias"],
        "classifier.1.bias": np.zeros(3, "float32"),
    }
    path = tmp_path / f"model{suffix}"
    state = {k: np.ascontiguousarray(v) for k, v in state.items()}
    if suffix == ".npz":
        np.savez(path, **state)
    else:
        safetensors.numpy.save_file(state, path)
    assert_equal(load_source(alexnet, "alexnet", path), arrays)


def test_folded_batch_norm_gives_the_same_maps(tmp_path, shufflenet):
    arrays = random_arrays(shufflenet)
    load.assign(shufflenet, arrays, "seed")
    images = backbones_arrays.random_images(50, 50)
    expected = shufflenet.predict(images, verbose=0)
    folded = {}
    for name, kernel in arrays.items():
        if not name.endswith("/kernel"):
            continue
        bn = name.removesuffix("/kernel") + "_bn"
        scale = arrays[f"{bn}/gamma"] / np.sqrt(
            arrays[f"{bn}/moving_variance"] + 1e-5
        )
        depthwise = kernel.shape[-1] == 1
        folded[name] = kernel * (scale[:, None] if depthwise else scale)
        folded[name.replace("kernel", "bias")] = (
            arrays[f"{bn}/beta"] - arrays[f"{bn}/moving_mean"] * scale
        )
    path = tmp_path / "folded.npz"
    np.savez(path, **folded)
    load_source(shufflenet, "shufflenet", path)
    received = shufflenet.predict(images, verbose=0)
    # Folding rounds each kernel once more in float32.
    np.testing.assert_allclose(received, expected, rtol=0, atol=1e-5)


def test_scale_and_shift_become_gamma_and_beta(tmp_path, resnet):
    arrays = random_arrays(resnet)
    bn = "conv2_block1_preact_bn"
    others = {k: v for k, v in arrays.items() if not k.startswith(bn)}
    others[f"{bn}/scale"] = arrays[f"{bn}/gamma"]
    others[f"{bn}/shift"] = arrays[f"{bn}/beta"]
    path = tmp_path / "folded.npz"
    np.savez(path, **others)
    received = load_source(resnet, "resnet", path)
    assert_equal(
        {k: received[f"{bn}/{k}"] for k in ("gamma", "beta", "moving_mean")},
        {
            "gamma": arrays[f"{bn}/gamma"],
            "beta": arrays[f"{bn}/beta"],
            "moving_mean": np.zeros(64),
        },
    )
    assert resnet.get_layer(bn).epsilon + received[
        f"{bn}/moving_variance"
    ] == pytest.approx(1.0, abs=1e-7)


BIAS = np.zeros(64, "float32")
WRONG = {
    "missing": ({"conv2__kernel": None}, "missing: conv2/kernel"),
    "extra variable": ({"conv1__gamma": BIAS}, "not of this slice: conv1/gam"),
    "extra layer": ({"conv9__bias": BIAS}, "not of this slice: conv9/bias"),
    "no layer": ({"x": BIAS}, "not of this slice: x"),
    "shape": ({"conv1__bias": BIAS[1:]}, r"shape \(64,\), received \(63,\)"),
    "nan": ({"conv1__bias": BIAS * np.nan}, "conv1/bias: not finite"),
    "overflow": (
        {"conv1__bias": np.full(64, 1e300)},
        "conv1/bias: not finite",
    ),
    "integers": ({"conv1__bias": np.zeros(64, "int32")}, "received int32"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_array_is_refused_and_nothing_is_set(tmp_path, alexnet, case):
    changes, message = WRONG[case]
    before = load.slice_arrays(alexnet)
    path = tmp_path / "wrong.npz"
    np.savez(path, **changed(random_arrays(alexnet), **changes))
    with pytest.raises(ValueError, match=message) as caught:
        load_source(alexnet, "alexnet", path)
    assert "alexnet_slice" in str(caught.value)
    assert "wrong.npz" in str(caught.value)
    assert_equal(load.slice_arrays(alexnet), before)


def test_negative_variance_is_refused(tmp_path, shufflenet):
    arrays = random_arrays(shufflenet)
    arrays["conv1_bn/moving_variance"] *= -1
    path = tmp_path / "wrong.npz"
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match="so not a variance"):
        load_source(shufflenet, "shufflenet", path)


def test_incomplete_batch_norm_is_not_taken_for_a_folded_one(
    tmp_path, shufflenet
):
    arrays = changed(
        random_arrays(shufflenet),
        conv1_bn__moving_mean=None,
        conv1_bn__moving_variance=None,
    )
    path = tmp_path / "wrong.npz"
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match="missing: conv1_bn/moving_mean"):
        load_source(shufflenet, "shufflenet", path)


def test_batch_norm_folded_and_not_is_refused(tmp_path, shufflenet):
    arrays = random_arrays(shufflenet)
    arrays["conv1/bias"] = np.zeros(24, "float32")
    path = tmp_path / "wrong.npz"
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match="given twice"):
        load_source(shufflenet, "shufflenet", path)


def test_file_of_another_architecture_is_refused(tmp_path, alexnet, resnet):
    path = tmp_path / "resnet.npz"
    np.savez(path, **random_arrays(resnet))
    with pytest.raises(ValueError, match=r"seems to be ResNet V2") as caught:
        load_source(alexnet, "alexnet", path)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".h5"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"not what the name says", ""),
        (b"<html><body>Sign in</body></html>", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer"),
    ],
)
def test_damaged_file_is_refused(tmp_path, alexnet, suffix, content, reason):
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"cannot be read.*{reason}") as caught:
        load_source(alexnet, "alexnet", path)
    assert path.name in str(caught.value)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@pytest.mark.parametrize(
    "dtype", ["float16", "float64", ml_dtypes.bfloat16], ids=str
)
def test_every_floating_point_type_is_read(tmp_path, alexnet, suffix, dtype):
    if dtype is ml_dtypes.bfloat16 and suffix == ".npz":
        pytest.skip("NumPy's files have no bfloat16")
    arrays = {k: v.astype(dtype) for k, v in random_arrays(alexnet).items()}
    path = tmp_path / f"w{suffix}"
    if suffix == ".npz":
        np.savez(path, **arrays)
    else:
        safetensors.numpy.save_file(arrays, path)
    expected = {k: v.astype("float32") for k, v in arrays.items()}
    assert_equal(load_source(alexnet, "alexnet", path), expected)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".h5"])
def test_truncated_file_is_refused(tmp_path, alexnet, suffix):
    path = tmp_path / f"cut{suffix}"
    arrays = random_arrays(alexnet)
    if suffix == ".npz":
        np.savez(path, **arrays)
    elif suffix == ".safetensors":
        safetensors.numpy.save_file(arrays, path)
    else:
        write_legacy_h5(path, arrays)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match="cannot be read"):
        load_source(alexnet, "alexnet", path)


def test_pickled_npz_is_refused(tmp_path, alexnet):
    path = tmp_path / "pickled.npz"
    np.savez(path, **{"conv1/kernel": np.array([{}], dtype=object)})
    with pytest.raises(ValueError, match=r"conv1/kernel.*np\.savez") as caught:
        load_source(alexnet, "alexnet", path)
    assert "pickled.npz" in str(caught.value)


@pytest.mark.parametrize("name", ["w.txt", "w", "w.tar.gz", "Imagenet"])
def test_unknown_extension_is_refused(alexnet, name):
    with pytest.raises(ValueError, match=r"`imagenet`, `cifar10`, `random` or"):
        load_source(alexnet, "alexnet", name)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("imagnet", "imagenet"), ("ImageNet", "imagenet"), ("cifar", "cifar10")],
)
def test_name_that_is_nearly_right_is_suggested(typed, meant):
    with pytest.raises(ValueError, match=f"Did you mean {meant}"):
        sources.check_source(typed)


def test_missing_file_is_named(tmp_path, alexnet):
    with pytest.raises(FileNotFoundError, match=r"none\.npz"):
        load_source(alexnet, "alexnet", tmp_path / "none.npz")


def test_random_weights_are_a_function_of_the_seed(alexnet):
    def draw(seed):
        backbone = backbones.get_backbone("alexnet")
        load.load_weights(alexnet, backbone, "random", seed=seed)
        return load.slice_arrays(alexnet)["conv1/kernel"]

    np.testing.assert_array_equal(draw(1), draw(1))
    assert not np.array_equal(draw(1), draw(2))


def test_sources_that_cannot_be_loaded_are_refused(tmp_path):
    weights_file = tmp_path / "mine.npz"
    weights_file.write_bytes(b"PK")
    for source in ("imagenet", "cifar10", "random", str(weights_file)):
        sources.check_source(source)
    with pytest.raises(ValueError, match=r"`imagenet` or the.*'cifar10'"):
        sources.check_source("cifar10", ("imagenet",))
    with pytest.raises(FileNotFoundError, match="which is not a file"):
        sources.check_source(str(tmp_path / "other.npz"))
