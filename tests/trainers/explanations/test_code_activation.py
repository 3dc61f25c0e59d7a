"""Class activation over the code, against algebra."""

import keras
import numpy as np
import pytest

from trainers.config import TrainConfig
from trainers.explanations.code_activation import code_activation
from trainers.network import head, linear_autoencoder
from trainers.network import model as network

SHAPE = (6, 5, 2)


def build(rng, hidden_units=()):
    """A model whose maps are the image: the code is read from them."""
    image = keras.Input(SHAPE)
    maps = keras.layers.AveragePooling2D(2, name="feature_extractor")(image)
    code = linear_autoencoder.LinearReconstruction(
        SHAPE, name=network.LINEAR_CODE
    )
    features = keras.Model(image, code(maps), name="features")
    for weight in code.weights:
        weight.assign(rng.normal(size=weight.shape))
    read = keras.Input(features.output.shape[1:])
    classifier = keras.Model(
        read,
        head.build_head(
            read,
            3,
            hidden_units=hidden_units,
            dropout=0.0,
            dropout_before=(),
            shortcut=True,
        ),
        name="classifier",
    )
    for weight in classifier.weights:
        weight.assign(rng.normal(size=weight.shape) / 4)
    whole = keras.Model(image, classifier(features(image)))
    return whole, features, classifier, code


def test_a_linear_head_gives_weights_times_differences_of_the_code(rng):
    whole, features, classifier, code = build(rng)
    mean, image = rng.uniform(size=(2, *SHAPE)).astype(np.float32)
    weights = sum(
        classifier.get_layer(name).kernel.numpy()
        for name in ("head_logits", "head_shortcut")
    )
    weights = weights[:, 1] - weights[:, [0, 2]].mean(axis=1)
    codes = features(np.stack([mean, image])).numpy()
    expected_code = weights.reshape(codes.shape[1:]) * (codes[1] - codes[0])
    expected = np.zeros(SHAPE)
    rows, columns = code._rows(codes.shape[1]), code._columns(codes.shape[2])
    for i, j in np.ndindex(codes.shape[1:3]):
        patch = expected_code[i, j].reshape(
            rows.shape[1], columns.shape[1], SHAPE[2]
        )
        expected[np.ix_(rows[i], columns[j])] += patch
    received = code_activation(whole, image, mean, 1)
    np.testing.assert_allclose(received, expected, atol=1e-5)
    logits = whole(np.stack([mean, image])).numpy().astype(float)
    margins = logits[:, 1] - logits[:, [0, 2]].mean(axis=1)
    assert received.sum() == pytest.approx(margins[1] - margins[0], abs=1e-4)


def test_hidden_layers_are_explained_along_the_path(rng):
    whole, *_ = build(rng, hidden_units=(4,))
    mean, image = rng.uniform(size=(2, *SHAPE)).astype(np.float32)
    logits = whole(np.stack([mean, image])).numpy().astype(float)
    margins = logits[:, 0] - logits[:, 1:].mean(axis=1)
    change = margins[1] - margins[0]
    received = code_activation(whole, image, mean, 0).sum()
    assert abs(received - change) <= 0.0101 * max(1, abs(change))


def test_another_autoencoder_is_refused_with_a_cure():
    config = TrainConfig(
        backbone="alexnet", weights="random", autoencoder="symmetric"
    )
    whole = network.build_models(config, (50, 50, 1), 2).whole
    image = np.zeros((50, 50, 1), np.float32)
    with pytest.raises(ValueError, match="--autoencoder=linear"):
        code_activation(whole, image, image, 0)
