"""A run of images with texts that starts from another."""

import json

import keras
import numpy as np
import pytest
import safetensors.numpy

from trainers.multimodal import run, train, transfer

pytestmark = pytest.mark.slow


class _FirstWeights(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.weights = {
            name: np.array(self.model.get_layer(name).kernel)
            for name in ("title_tuning", "description_tuning", "head_dense")
        }


def test_it_starts_with_the_runs_weights(trained, make_config, tmp_path):
    config = make_config(from_run=str(trained), seed=5, epochs=1)
    first = _FirstWeights()
    metrics = train.train_and_evaluate(
        config, tmp_path / "run", callbacks=[first]
    )
    weights = safetensors.numpy.load_file(trained / "model.safetensors")
    for name, kernel in first.weights.items():
        np.testing.assert_array_equal(kernel, weights[f"{name}/kernel"])
    earlier = json.loads((trained / "metrics.json").read_text())
    assert metrics["start"] == {
        "run": trained.name,
        "sha256": earlier["model_sha256"],
        "has_same_classes": True,
    }
    # One more epoch of a trained model; one from nothing learns little.
    assert metrics["accuracy"] >= earlier["accuracy"] - 0.2
    assert run.default_workdir(config) != run.default_workdir(
        make_config(seed=5, epochs=1)
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size": 64}, "--image_size=32. Received: --image_size=64"),
        ({"frozen_fraction": 0.5}, "--frozen_fraction=0.98"),
        ({"modalities": "image,title"}, "--modalities=image,title,description"),
        ({"text_units": 4}, "--text_units=8"),
    ],
)
def test_another_network_is_refused(trained, make_config, changes, message):
    config = make_config(from_run=str(trained), **changes)
    with pytest.raises(ValueError, match=message):
        transfer.check(config, {})


def test_another_encoder_is_refused(trained, make_config):
    config = make_config(from_run=str(trained))
    text = (trained / "manifest.json").read_text("utf-8")
    provenance = json.loads(text)["provenance"]
    transfer.check(config, provenance)
    with pytest.raises(ValueError, match="Use --encoder="):
        transfer.check(config, {**provenance, "encoder_sha256": "0"})
    with pytest.raises(ValueError, match="--text_layers=last2"):
        transfer.check(config, {**provenance, "text_layers": "last1"})
