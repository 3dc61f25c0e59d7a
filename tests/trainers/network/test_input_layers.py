"""From a image to a slice's input."""

import keras
import numpy as np
import pytest

from trainers import backbones
from trainers.network import input_layers

IMAGE = (3, 6, 5, 3)


def test_per_image_normalisation_gives_mean_0_and_deviation_1(rng):
    images = rng.uniform(0, 1, IMAGE).astype(np.float32)
    out = np.asarray(input_layers.ZNormalization("image")(images))
    # float32 means over 90 pixels.
    np.testing.assert_allclose(out.mean(axis=(1, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(out.std(axis=(1, 2, 3)), 1, atol=1e-5)


def test_per_image_normalisation_ignores_the_rest_of_the_batch(rng):
    images = rng.uniform(0, 1, IMAGE).astype(np.float32)
    layer = input_layers.ZNormalization("image")
    np.testing.assert_allclose(
        np.asarray(layer(images))[:1],
        np.asarray(layer(images[:1])),
        atol=1e-6,  # another shape may be summed in another order
    )


def test_per_batch_normalisation_is_the_published_formula(rng):
    images = rng.uniform(0, 1, IMAGE)
    expected = (images - images.mean()) / np.sqrt(
        images.std(ddof=1) ** 2 + 1e-4**2
    )
    out = input_layers.ZNormalization("batch")(images.astype(np.float32))
    np.testing.assert_allclose(np.asarray(out), expected, atol=1e-5)


@pytest.mark.parametrize(("mode", "ddof"), [("image", 0), ("batch", 1)])
def test_the_added_deviation_counts_in_faint_images(rng, mode, ddof):
    images = 1e-4 * rng.uniform(0, 1, (1, *IMAGE[1:]))
    expected = (images - images.mean()) / np.sqrt(
        images.var(ddof=ddof) + 1e-4**2
    )
    out = input_layers.ZNormalization(mode)(images.astype(np.float32))
    np.testing.assert_allclose(np.asarray(out), expected, atol=1e-5)
    assert np.asarray(out).std() < 0.5


def test_contrast_draws_images_nearer_to_the_mean_one(rng):
    images = rng.uniform(0, 1, (10, *IMAGE[1:])).astype(np.float32)
    layer = input_layers.Contrast(0.25)
    layer.build(images.shape)
    layer.fit(iter([images[:7], images[7:]]))
    mean = images.astype(np.float64).mean(axis=0)
    np.testing.assert_allclose(
        np.asarray(layer(images)), 0.75 * mean + 0.25 * images, atol=1e-6
    )
    copy = keras.layers.deserialize(keras.layers.serialize(layer))
    copy.set_weights(layer.get_weights())
    np.testing.assert_array_equal(
        np.asarray(copy(images)), np.asarray(layer(images))
    )
    assert not layer.trainable_variables


def test_normalisation_by_the_data_set_has_one_mean_and_one_deviation(rng):
    images = rng.uniform(0, 1, (10, *IMAGE[1:])).astype(np.float32) + 5
    layer = input_layers.DatasetNormalization()
    layer.build(images.shape)
    with pytest.raises(ValueError, match="is not fitted"):
        layer(images)
    layer.fit(iter([images[:7], images[7:8], images[8:]]))
    deviation = np.sqrt(images.var(dtype=np.float64) + 1e-4**2)
    expected = (images - images.mean(dtype=np.float64)) / deviation
    # float32 near 5, in units of a deviation of 0.3.
    np.testing.assert_allclose(np.asarray(layer(images)), expected, atol=1e-5)
    copy = keras.layers.deserialize(keras.layers.serialize(layer))
    copy.set_weights(layer.get_weights())
    np.testing.assert_array_equal(
        np.asarray(copy(images[:1])), np.asarray(layer(images[:1]))
    )
    assert not layer.trainable_variables


def test_a_constant_data_set_becomes_zero():
    images = np.full(IMAGE, 0.25, np.float32)
    layer = input_layers.DatasetNormalization()
    layer.build(images.shape)
    layer.fit([images])
    np.testing.assert_array_equal(np.asarray(layer(images)), 0)


def test_a_constant_image_becomes_zero():
    out = input_layers.ZNormalization("image")(np.full(IMAGE, 0.3, np.float32))
    # 0.3 is not exact in float32: the mean may miss it by an ulp, which the
    # epsilon of 1e-4 divides.
    np.testing.assert_allclose(np.asarray(out), 0, atol=1e-3)


@pytest.mark.parametrize("kind", sorted(backbones.PREPROCESSING))
def test_standardised_pixels_reach_the_slice_as_imagenets_would(rng, kind):
    rgb = rng.uniform(0, 1, IMAGE).astype(np.float32)
    standardized = (rgb - backbones.IMAGENET_MEAN) / backbones.IMAGENET_STD
    from_rgb = input_layers.SliceInput(kind, standardized=False)(rgb)
    out = input_layers.SliceInput(kind, standardized=True)(
        standardized.astype(np.float32)
    )
    # `caffe` reaches 150: seven digits leave 2e-5.
    np.testing.assert_allclose(np.asarray(out), np.asarray(from_rgb), atol=1e-4)


@pytest.mark.parametrize(
    "layer",
    [
        input_layers.ZNormalization("batch", name="a"),
        input_layers.SliceInput("caffe", standardized=True, name="b"),
    ],
    ids=lambda layer: layer.name,
)
def test_layers_survive_their_config(layer, rng):
    copy = keras.layers.deserialize(keras.layers.serialize(layer))
    images = rng.uniform(0, 1, IMAGE).astype(np.float32)
    np.testing.assert_array_equal(
        np.asarray(layer(images)), np.asarray(copy(images))
    )
