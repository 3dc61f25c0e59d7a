"""A training step of the whole network trains all but the slice."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support import fitting
from trainers import backbones, config
from trainers.network import model
from trainers.weights import load

NAMES = sorted(backbones.BACKBONES)
CLASSES = 2


def build(name, autoencoder, side, upsample):
    settings = config.TrainConfig(
        backbone=name,
        weights="random",
        autoencoder=autoencoder,
        bottleneck=4,
        dropout=0.0,
        upsample=upsample,
    )
    models = model.build_models(settings, (side, side, 1), CLASSES)
    fitting.fill(models.features)
    return models


def batch(side):
    rng = np.random.default_rng(0)
    images = rng.random((4, side, side, 1), "float32")
    return images, np.arange(4) % CLASSES


def frozen_slice(models):
    (slice_,) = (
        layer
        for layer in models.extractor.layers
        if isinstance(layer, keras.Model)
    )
    return slice_


def assert_step_trains_all_but_the_slice(models, images, labels):
    slice_ = frozen_slice(models)
    assert slice_.trainable_weights == []
    assert models.extractor.trainable_weights == []
    trainable = models.whole.trainable_weights
    assert {v.path for v in trainable} == {
        v.path for v in models.classifier.trainable_weights
    }
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    with tf.GradientTape() as tape:
        logits = models.whole(images, training=True)
        total = loss(labels, logits) + sum(models.whole.losses)
    gradients = tape.gradient(total, [v.value for v in trainable])
    for variable, gradient in zip(trainable, gradients, strict=True):
        assert gradient is not None, variable.path
        assert np.isfinite(gradient).all(), variable.path
        assert np.abs(gradient).max() > 0, variable.path

    frozen = load.slice_arrays(slice_)
    maps = np.array(slice_(np.repeat(images, 3, -1)))
    before = [np.array(v) for v in trainable]
    models.whole.compile("adam", loss, run_eagerly=True)
    models.whole.train_on_batch(images, labels)
    for variable, old in zip(trainable, before, strict=True):
        assert not np.array_equal(np.array(variable), old), variable.path
    for name, array in load.slice_arrays(slice_).items():
        np.testing.assert_array_equal(array, frozen[name], err_msg=name)
    # Threads may add in another order; the weights are bit-equal.
    again = np.array(slice_(np.repeat(images, 3, -1)))
    np.testing.assert_allclose(again, maps, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_step_trains_all_of_the_symmetric_autoencoder_and_head(name):
    models = build(name, "symmetric", side=24, upsample=1)
    assert_step_trains_all_but_the_slice(models, *batch(24))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_step_trains_all_of_the_papers_autoencoder_and_head(name):
    models = build(name, "paper", side=50, upsample=3)
    assert_step_trains_all_but_the_slice(models, *batch(50))


def test_too_small_image_names_the_upsampling_to_use():
    with pytest.raises(ValueError, match=r"alexnet slice.*--upsample=2 or"):
        build("alexnet", "symmetric", side=14, upsample=1)
    with pytest.raises(ValueError, match=r"shufflenet slice.*--upsample=2 or"):
        build("shufflenet", "paper", side=50, upsample=1)
