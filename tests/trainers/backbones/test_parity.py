"""The slices equal those of torchvision and keras.applications."""

import pathlib

import keras
import numpy as np
import pytest

from tests.support import backbones_arrays
from trainers import backbones
from trainers.backbones import preprocess
from trainers.backbones.slices import build_slice
from trainers.weights import load

GOLDEN = pathlib.Path(__file__).parents[2] / "golden"
PORTS = ("alexnet", "resnext", "shufflenet", "wide_resnet")
SIZES = [f"{height}x{width}" for height, width in backbones_arrays.SIZES]


@pytest.fixture(scope="module")
def slices():
    """Builds each port once, with the weights of torchvision's slice."""
    built = {}
    for name in PORTS:
        model = build_slice(backbones.get_backbone(name))
        shapes = {k: v.shape for k, v in load.slice_arrays(model).items()}
        load.assign(model, backbones_arrays.random_weights(shapes), "seed")
        built[name] = model
    return built


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PORTS)
def test_port_equals_torchvision(slices, name, size):
    height, width = map(int, size.split("x"))
    images = backbones_arrays.random_images(height, width)
    maps = slices[name].predict(images, verbose=0)
    samples = backbones_arrays.samples(maps)
    with np.load(GOLDEN / f"backbones_{name}.npz") as golden:
        assert tuple(golden[f"{size}/shape"]) == maps.shape
        for kind in ("cells", "channels", "rows", "columns"):
            expected = golden[f"{size}/{kind}"]
            # Two libraries add the products of a convolution in different
            # orders; the maps are of the order of 1.
            np.testing.assert_allclose(
                samples[kind], expected, rtol=0, atol=1e-5, err_msg=kind
            )


@pytest.mark.parametrize("name", PORTS)
def test_samples_differ_after_a_shift_of_one_position(name):
    with np.load(GOLDEN / f"backbones_{name}.npz") as golden:
        cells = golden["50x50/cells"]
    assert np.abs(np.roll(cells, 1, axis=0) - cells).max() > 1e-3
    assert np.abs(np.roll(cells, 1, axis=1) - cells).max() > 1e-3


def test_golden_files_are_small():
    for path in GOLDEN.glob("backbones_*.npz"):
        assert path.stat().st_size < 100_000, path


@pytest.mark.parametrize(
    ("name", "application"),
    [
        ("vgg16", keras.applications.VGG16),
        ("resnet", keras.applications.ResNet50V2),
    ],
)
def test_slice_equals_layer_of_keras_applications(name, application):
    backbone = backbones.get_backbone(name)
    full = application(
        include_top=False, weights=None, input_shape=(None, None, 3)
    )
    cut = keras.Model(full.input, full.get_layer(backbone.cut_layer).output)
    slice_ = build_slice(backbone)
    shapes = {k: v.shape for k, v in load.slice_arrays(slice_).items()}
    arrays = backbones_arrays.random_weights(shapes)
    load.assign(slice_, arrays, "seed")
    for layer in cut.layers:  # not by `assign`, which is tested here too
        if layer.variables:
            layer.set_weights(
                [arrays[f"{layer.name}/{v.name}"] for v in layer.variables]
            )
    for size in ((50, 50), (57, 83)):
        images = backbones_arrays.random_images(*size)
        np.testing.assert_array_equal(  # the same graph: exact
            slice_.predict(images, verbose=0), cut.predict(images, verbose=0)
        )


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("vgg16", keras.applications.vgg16.preprocess_input),
        ("resnet", keras.applications.resnet_v2.preprocess_input),
        (
            "alexnet",
            lambda x: keras.applications.imagenet_utils.preprocess_input(
                x, mode="torch"
            ),
        ),
    ],
)
def test_preprocessing_equals_that_of_the_family(name, reference):
    pixels = np.arange(256, dtype="float32")
    images = np.stack([pixels, pixels[::-1], np.roll(pixels, 7)], axis=-1)
    images = images.reshape(1, 16, 16, 3)
    preprocessing = backbones.PREPROCESSING[
        backbones.get_backbone(name).preprocessing
    ]
    received = preprocess.preprocess(images / 255, preprocessing)
    # One multiplication and one addition in float32 against theirs in another
    # order: within some units in the last place of 255.
    np.testing.assert_allclose(
        received, reference(images.copy()), rtol=0, atol=5e-5
    )
