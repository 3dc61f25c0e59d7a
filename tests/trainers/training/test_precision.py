"""Steps in mixed precision; everything around them in float32."""

import keras
import numpy as np
import pytest

from trainers.config import TrainConfig
from trainers.network import autoencoder, model
from trainers.training import precision


@pytest.fixture
def classifier():
    config = TrainConfig(autoencoder="symmetric", bottleneck=2)
    return model.build_classifier(config, (4, 4, 3), 2)


def _policies(classifier):
    return {layer.name: layer.dtype_policy.name for layer in classifier.layers}


def test_auto_is_float32_on_a_cpu():
    assert precision.resolve("auto") == "float32"
    assert precision.resolve("mixed_bfloat16") == "mixed_bfloat16"


def test_losses_logits_and_our_own_layers_stay_in_float32(classifier):
    before = _policies(classifier)
    with precision.computing(classifier, "mixed_bfloat16"):
        mixed = {
            name
            for name, policy in _policies(classifier).items()
            if policy == "mixed_bfloat16"
        }
        logits = classifier(np.ones((2, 4, 4, 3), np.float32))
    assert {"head_dense0", "head_dropout0", "autoencoder_encode"} <= mixed
    assert not mixed & {
        "head_logits",
        "head_shortcut",
        "head_sum",
        "autoencoder_reconstruction",
        autoencoder.STANDARDIZATION,
    }
    assert logits.dtype == "float32"
    assert _policies(classifier) == before


def test_mixed_precision_changes_results_little_and_no_type(classifier):
    values = np.random.default_rng(0).random((8, 4, 4, 3), np.float32)
    exact = np.asarray(classifier(values))
    with precision.computing(classifier, "mixed_bfloat16"):
        mixed = np.asarray(classifier(values))
    assert not np.array_equal(exact, mixed)
    np.testing.assert_allclose(mixed, exact, rtol=0.05, atol=0.05)
    weights = classifier.weights
    assert {weight.dtype for weight in weights} == {"float32"}


def test_the_policy_is_set_back_after_an_error(classifier):
    before = _policies(classifier)
    with (
        pytest.raises(KeyError),
        precision.computing(classifier, "mixed_bfloat16"),
    ):
        raise KeyError
    assert _policies(classifier) == before
    assert keras.mixed_precision.dtype_policy().name == "float32"
