"""Sizes, freezing, saving and precision of every slice."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from tests.support import backbones_arrays
from trainers import backbones
from trainers.backbones.slices import build_slice
from trainers.weights import load

NAMES = sorted(backbones.BACKBONES)


def build(name):
    backbone = backbones.get_backbone(name)
    slice_ = build_slice(backbone)
    shapes = {k: v.shape for k, v in load.slice_arrays(slice_).items()}
    load.assign(slice_, backbones_arrays.random_weights(shapes), "seed")
    return slice_


@pytest.fixture(scope="module")
def slices():
    return {name: build(name) for name in NAMES}


@pytest.fixture
def bfloat16_policy():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(before)


def run(slice_, x):
    return np.array(slice_(x))


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize("name", NAMES)
def test_output_has_the_declared_shape_at_every_size(slices, name):
    backbone = backbones.get_backbone(name)
    for height in (*range(backbone.input_size(1), 40), 57, 150, 224):
        shape = slices[name].compute_output_shape((2, height, 150, 3))
        assert shape == (
            2,
            backbone.map_size(height),
            backbone.map_size(150),
            backbone.num_maps,
        )


@pytest.mark.parametrize("name", NAMES)
def test_feature_maps_have_the_declared_shape(slices, name):
    backbone = backbones.get_backbone(name)
    for height, width in ((backbone.input_size(1), 50), (50, 51)):
        maps = run(slices[name], images(1, height, width, 3))
        assert maps.shape == (
            1,
            backbone.map_size(height),
            backbone.map_size(width),
            backbone.num_maps,
        )
        assert np.isfinite(maps).all()


# From the sizes in the published code: 50 pixels, and 150 after upsampling.
@pytest.mark.parametrize(
    ("name", "stride", "min_size", "at_50", "at_150"),
    [
        ("alexnet", 8, 15, 5, 17),
        ("resnet", 4, 1, 13, 38),
        ("resnext", 4, 1, 13, 38),
        ("shufflenet", 8, 1, 7, 19),
        ("vgg16", 4, 4, 12, 37),
        ("wide_resnet", 4, 1, 13, 38),
    ],
)
def test_sizes_are_those_of_the_published_code(
    name, stride, min_size, at_50, at_150
):
    backbone = backbones.get_backbone(name)
    assert backbone.stride == stride
    assert backbone.input_size(1) == min_size
    assert backbone.map_size(50) == at_50
    assert backbone.map_size(150) == at_150
    # A step of one stride is a step of one position.
    assert backbone.map_size(150 + stride) == at_150 + 1


@pytest.mark.parametrize("name", NAMES)
def test_input_size_is_the_smallest_for_a_map_size(name):
    backbone = backbones.get_backbone(name)
    for size in range(1, 30):
        side = backbone.input_size(size)
        assert backbone.map_size(side) >= size
        assert side == 1 or backbone.map_size(side - 1) < size


@pytest.mark.parametrize("name", ["alexnet", "vgg16"])
def test_one_pixel_less_than_the_smallest_is_refused(name):
    backbone = backbones.get_backbone(name)
    side = backbone.input_size(1)
    assert backbone.map_size(side) == 1
    backbones.validate_input_size(backbone, side, side)
    for height, width in ((side - 1, side), (side, side - 1)):
        with pytest.raises(ValueError, match=r"0 x 1|1 x 0"):
            backbones.validate_input_size(backbone, height, width)


def test_too_small_image_names_the_smallest_and_the_upsampling():
    alexnet = backbones.get_backbone("alexnet")
    backbones.validate_input_size(alexnet, 15, 15, 1)
    backbones.validate_input_size(alexnet, 5, 40, 3)
    with pytest.raises(ValueError, match=r"15 x 15 pixels.*--upsample=2 or"):
        backbones.validate_input_size(alexnet, 14, 40, 1)


def test_layers_after_the_slice_ask_for_more_upsampling():
    # The paper's autoencoder: four valid convolutions of 4 x 4 take 13 x 13.
    resnet = backbones.get_backbone("wide_resnet")
    backbones.validate_input_size(resnet, 50, 50, 1, min_map_size=13)
    shufflenet = backbones.get_backbone("shufflenet")
    backbones.validate_input_size(shufflenet, 50, 50, 2, min_map_size=13)
    with pytest.raises(ValueError, match="--upsample=2"):
        backbones.validate_input_size(shufflenet, 50, 50, 1, min_map_size=13)


@pytest.mark.parametrize("name", NAMES)
def test_cut_layer_is_the_output_and_has_the_declared_maps(slices, name):
    backbone = backbones.get_backbone(name)
    layer = slices[name].get_layer(backbone.cut_layer)
    assert layer.output is slices[name].output
    assert slices[name].output.shape == (None, None, None, backbone.num_maps)
    order = [layer.name for layer in slices[name].layers]
    cuts = (*backbone.earlier_cuts, backbone.cut_layer)
    assert sorted(cuts, key=order.index) == list(cuts)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_training_step_leaves_a_frozen_slice_bit_equal(name):
    slice_ = build(name)
    slice_.trainable = False
    assert slice_.trainable_weights == []
    before = load.slice_arrays(slice_)
    head = keras.Sequential(
        [
            slice_,
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )
    head.compile("adam", "mse", run_eagerly=True)
    x = images(2, 50, 50, 3)
    maps = run(slice_, x)
    kernel = np.array(head.layers[-1].kernel)
    head.train_on_batch(x, np.ones((2, 2), "float32"))
    assert not np.array_equal(np.array(head.layers[-1].kernel), kernel)
    for array_name, array in load.slice_arrays(slice_).items():
        np.testing.assert_array_equal(array, before[array_name])
    # Batch norm in inference mode: even with training=True, the maps are those
    # of the stored statistics.
    np.testing.assert_allclose(
        np.array(slice_(x, training=True)), maps, rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("name", NAMES)
def test_one_image_gives_the_same_maps_as_in_a_batch(slices, name):
    x = images(3, 50, 50, 3)
    batch = run(slices[name], x)
    for index in range(3):
        single = run(slices[name], x[index : index + 1])
        # The convolution library may choose another order of summation.
        np.testing.assert_allclose(single[0], batch[index], rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_saving_and_loading_keeps_the_maps(slices, name, tmp_path):
    x = images(2, 50, 50, 3)
    expected = run(slices[name], x)
    path = tmp_path / "slice.keras"
    slices[name].save(path)
    loaded = keras.models.load_model(path)
    # The same weights; threads may add the products in another order.
    np.testing.assert_allclose(run(loaded, x), expected, rtol=0, atol=1e-5)

    weights_path = tmp_path / "slice.weights.h5"
    slices[name].save_weights(weights_path)
    backbone = backbones.get_backbone(name)
    again = build_slice(backbone)
    load.load_weights(again, backbone, str(weights_path))
    before = load.slice_arrays(slices[name])
    for array_name, array in load.slice_arrays(again).items():
        np.testing.assert_array_equal(array, before[array_name])


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_mixed_precision_keeps_weights_and_nearly_the_maps(
    slices, name, bfloat16_policy
):
    mixed = build(name)
    assert {v.dtype for v in mixed.variables} == {"float32"}
    x = images(1, 50, 50, 3)
    maps = mixed(x)
    assert keras.backend.standardize_dtype(maps.dtype) == "bfloat16"
    expected = run(slices[name], x)
    received = np.array(keras.ops.cast(maps, "float32"))
    # bfloat16 keeps 8 bits; a dozen layers lose a few of them.
    error = np.abs(received - expected).mean() / np.abs(expected).mean()
    assert error < 0.05


def test_unknown_name_lists_the_table():
    with pytest.raises(ValueError, match=r"alexnet.*wide_resnet.*'resnet50'"):
        backbones.get_backbone("resnet50")


def test_the_table_and_the_download_need_no_framework():
    code = (
        "import sys, trainers.weights.published, "
        "trainers.weights.download, text2image.torch_reader; "
        "sys.exit(bool({'keras', 'tensorflow', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
