"""A network saved by Keras loads elsewhere after one import."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from tests.support import fitting
from tests.support.commands import ROOT
from trainers import backbones
from trainers.config import TrainConfig
from trainers.network import model

pytestmark = pytest.mark.slow  # a process builds all six backbones

# Every backbone, every autoencoder, every kind of input: every layer of ours.
SETTINGS = {
    "alexnet": {"autoencoder": "paper", "normalization": "batch"},
    "resnet": {"autoencoder": "linear"},
    "resnext": {"autoencoder": "symmetric", "slice_batch_norm": "training"},
    "shufflenet": {"autoencoder": "symmetric", "reconstruction_weight": 0.0},
    "vgg16": {"autoencoder": "symmetric", "normalization": "none"},
    "wide_resnet": {
        "autoencoder": "linear",
        "contrast": 1.0,
        "normalization": "dataset",
    },
}
GREY = {"vgg16"}  # of these, images have one channel

LOAD = """
import json, sys
import keras
import numpy as np
import trainers.network

for name, path in json.load(open(sys.argv[1])).items():
    images = np.load(path + ".npy")
    model = keras.models.load_model(path + ".keras")
    np.save(path + ".elsewhere.npy", model(images, training=False))
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Backbone to its logits here and elsewhere."""
    directory = tmp_path_factory.mktemp("saved")
    draw = np.random.default_rng(0)
    paths, logits = {}, {}
    for index, (name, settings) in enumerate(SETTINGS.items()):
        shape = (50, 50, 1 if name in GREY else 3)
        config = TrainConfig(backbone=name, weights="random", **settings)
        whole = model.build_models(config, shape, 3).whole
        fitting.fill(whole, seed=index)
        paths[name] = str(directory / str(index))
        images = draw.uniform(0, 1, (2, *shape)).astype(np.float32)
        np.save(paths[name] + ".npy", images)
        whole.save(paths[name] + ".keras")
        logits[name] = whole(images, training=False).numpy()
    (directory / "paths.json").write_text(json.dumps(paths))
    subprocess.run(
        [sys.executable, "-c", LOAD, directory / "paths.json"],
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=True,
    )
    return {
        name: (logits[name], np.load(path + ".elsewhere.npy"))
        for name, path in paths.items()
    }


def test_the_table_names_every_backbone():
    assert sorted(SETTINGS) == sorted(backbones.BACKBONES)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_saved_network_computes_the_same_elsewhere(saved, name):
    here, elsewhere = saved[name]
    assert np.isfinite(here).all()
    assert len(np.unique(here)) == here.size
    np.testing.assert_array_equal(elsewhere, here)


def test_what_is_frozen_stays_frozen(tmp_path):
    config = TrainConfig(weights="random", autoencoder="symmetric")
    whole = model.build_models(config, (50, 50, 3), 3).whole
    whole.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    paths = [weight.path for weight in whole.trainable_weights]
    assert paths
    assert [weight.path for weight in loaded.trainable_weights] == paths
