"""Several replicas take the steps that one device takes."""

import json

import keras
import pytest

from tests.support import commands
from trainers.config import TrainConfig
from trainers.distribution.workers import Workers
from trainers.network import model
from trainers.training import parallel_steps

# Sums over examples in another order, a few steps of Adam later.
_TOLERANCE = 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", ["norms", pytest.param("plain", marks=pytest.mark.slow)]
)
def test_three_replicas_train_the_model_that_one_device_trains(kind, tmp_path):
    """With dropout, batch norm, penalties, class weights, unequal parts."""
    finished = commands.run("tests.support.replicas", kind, cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    differences = json.loads(finished.stdout)
    has_norms = any("moving_variance" in name for name in differences)
    assert has_norms == (kind == "norms")
    assert max(differences.values()) < _TOLERANCE, differences


class _Replicas(Workers):
    num_replicas = 4


@pytest.mark.parametrize(
    ("batch_size", "has_norms", "expected"),
    [
        (3, False, "at least 4, the number of replicas"),
        (8, False, ""),
        (8, True, "3 examples for 4 replicas"),
        (9, True, ""),  # a single one is dropped
        (10, True, ""),
        (6, True, ""),
    ],
)
def test_batches_that_replicas_cannot_share_are_refused(
    batch_size, has_norms, expected
):
    num_examples = {8: 19, 9: 19, 10: 15, 6: 10, 3: 19}[batch_size]

    def check():
        parallel_steps.check_batches(
            _Replicas(), num_examples, batch_size, has_norms=has_norms
        )

    if not expected:
        check()
        return
    with pytest.raises(ValueError, match=expected):
        check()


@pytest.mark.slow
def test_a_network_has_batch_norms_unless_its_autoencoder_is_linear():
    """What `train_and_evaluate` takes for granted."""
    for autoencoder in ("linear", "symmetric", "paper"):
        config = TrainConfig(autoencoder=autoencoder, weights="random")
        models = model.build_models(config, (40, 40, 1), 2)
        norms = [
            layer
            for layer in models.classifier.layers
            if isinstance(layer, keras.layers.BatchNormalization)
        ]
        assert bool(norms) == (autoencoder != "linear")
