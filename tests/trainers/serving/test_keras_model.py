"""The Keras model that takes strings: `trainers.predict`'s answers."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import text_as_image
from tests.support.commands import ROOT
from trainers.serving.predictor import load_predictor

LOAD = """
import sys
import keras
import numpy as np
import tensorflow as tf
import text_as_image.layers

folder = sys.argv[1]
model = keras.models.load_model(folder + "/model.keras")
texts = np.load(folder + "/texts.npy")
np.save(folder + "/elsewhere.npy", model.predict(tf.constant(texts)))
print(*model.get_layer("text_classification").label_names, sep="|")
"""


@pytest.mark.slow
def test_a_model_of_strings_answers_as_predict_here_and_elsewhere(
    trained, tmp_path
):
    run = trained[3]
    texts = [text.decode("utf-8", "ignore") for text in run.sample[:20]]
    predictor = load_predictor(workdir=str(run.workdir))
    expected = np.array(
        [prediction.probabilities for prediction in predictor.predict(texts)],
        np.float32,
    )
    model = text_as_image.load(run.workdir, strings=True)
    for given in (tf.constant(texts), np.array(texts, object)):
        np.testing.assert_array_equal(model.predict(given), expected)
    np.testing.assert_array_equal(model(tf.constant(texts)), expected)
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "texts.npy", texts)
    done = subprocess.run(
        [sys.executable, "-c", LOAD, tmp_path],
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=True,
        capture_output=True,
        text=True,
    )
    elsewhere = np.load(tmp_path / "elsewhere.npy")
    np.testing.assert_array_equal(elsewhere, expected)
    assert done.stdout.strip().endswith("|".join(predictor.label_names))


def test_a_run_is_loaded_by_either_name(trained):
    import trainers

    assert trainers.load is text_as_image.load
    images = trained[2].in_memory["images"]
    np.testing.assert_array_equal(
        text_as_image.load(trained[2].workdir).predict_on_batch(images),
        trained[2].in_memory["logits"],
    )


def test_the_public_names_exist():
    for name in text_as_image.__all__:
        assert getattr(text_as_image, name)
    assert dir(text_as_image) == text_as_image.__all__
    with pytest.raises(AttributeError, match="no attribute 'fit'"):
        text_as_image.fit  # noqa: B018
