"""What is measured inside a slice is what its layers give."""

import keras
import numpy as np
import pytest

from trainers import backbones
from trainers.shift import comparison, probes
from trainers.weights import load


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).normal(size=(6, 32, 32, 3)).astype("f4")


def read(slice_, name, images, batch_size=4, num_kept=3):
    placed = probes.place(slice_, backbones.get_backbone(name))
    image = keras.Input(images.shape[1:])
    front = keras.Model(image, image)
    batches = [images[:batch_size], images[batch_size:]]
    return placed, probes.read(placed, front, batches, num_kept=num_kept)


@pytest.fixture(scope="module")
def seen(alexnet, images):
    load.load_weights(alexnet, backbones.get_backbone("alexnet"), "cifar10")
    return read(alexnet, "alexnet", images)


def outputs_of(slice_, name, images):
    layer = keras.Model(slice_.input, slice_.get_layer(name).output)
    return np.asarray(layer(images), np.float64)


@pytest.mark.parametrize("name", ["conv1_relu", "maxpool", "conv2_relu"])
def test_summaries_are_those_of_the_layers(seen, alexnet, images, name):
    _, reading = seen
    expected = outputs_of(alexnet, name, images)
    style = [expected.mean(axis=(1, 2)), expected.std(axis=(1, 2))]
    # float32 sums of up to 49 positions.
    np.testing.assert_allclose(
        reading.style(name), np.concatenate(style, axis=1), atol=1e-5
    )
    mean, variance = reading.statistics(name)
    np.testing.assert_allclose(mean, expected.mean(axis=(0, 1, 2)), atol=1e-5)
    np.testing.assert_allclose(
        variance, expected.var(axis=(0, 1, 2)), rtol=1e-3, atol=1e-6
    )
    zeros, dead = reading.zeros(name)
    assert zeros == pytest.approx((expected <= 0).mean(), abs=1e-6)
    assert dead == (expected <= 0).all(axis=(0, 1, 2)).mean()


def test_maps_are_kept_and_their_covariance_is_that_of_all(
    seen, alexnet, images
):
    _, reading = seen
    expected = outputs_of(alexnet, "conv2_relu", images)
    np.testing.assert_allclose(
        reading.maps, expected[:3].reshape(3, -1), atol=1e-5
    )
    np.testing.assert_allclose(
        reading.covariance,
        np.cov(expected.reshape(-1, 192).T, bias=True),
        atol=1e-5,
    )


def test_rectifiers_of_every_kind_are_found(seen):
    assert seen[0].rectifiers == ("conv1_relu", "conv2_relu")
    vgg16 = backbones.get_backbone("vgg16")
    from trainers.backbones.slices import build_slice

    placed = probes.place(build_slice(vgg16), vgg16)
    assert len(placed.rectifiers) == 5
    assert placed.rectifiers[-1] == placed.stages[-1]
    assert not placed.batch_norms


def test_batch_norm_is_compared_with_what_it_keeps(resnet, images):
    backbone = backbones.get_backbone("resnet")
    load.load_weights(resnet, backbone, "cifar10")
    placed, reading = read(resnet, "resnet", images)
    assert len(placed.batch_norms) == 6
    key, layer = next(iter(placed.batch_norms.items()))
    mean, variance = reading.statistics(key)
    own = comparison.Seen("resnet", "natural", "none")
    row = comparison.norm_shifts(own, placed, reading)[0]
    deviation = np.sqrt(np.asarray(layer.moving_variance) + layer.epsilon)
    shift = np.abs(mean - np.asarray(layer.moving_mean)) / deviation
    assert row["layer"] == layer.name
    assert row["mean_shift"] == pytest.approx(np.median(shift), rel=1e-5)
    ratio = np.sqrt(variance) / deviation
    expected = np.exp(np.median(np.abs(np.log(ratio))))
    assert row["deviation_ratio"] == pytest.approx(expected, rel=1e-5)


def test_random_weights_have_no_statistics_of_a_training(resnet):
    backbone = backbones.get_backbone("resnet")
    load.load_weights(resnet, backbone, "random")
    placed = probes.place(resnet, backbone)
    assert not placed.batch_norms
    assert placed.rectifiers


def test_statistics_that_agree_have_no_distance(rng):
    mean, variance = rng.normal(size=5), rng.uniform(1, 2, size=5)
    same = (mean, variance)
    assert comparison.distance(*same, *same) == (0, 1)
    moved = (mean + 3 * np.sqrt(variance), variance * 4)
    assert comparison.distance(*moved, *same) == pytest.approx((3, 2))
    constant = (mean, np.zeros(5))
    assert comparison.distance(*same, *constant) == (0, 1)
