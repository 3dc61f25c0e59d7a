"""The core of an export: the same model without tensorflow-text."""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text

from tests.support import parity
from trainers.serving import predictor, saved_model


@pytest.fixture(scope="module")
def core(trained):
    return trained[3].export.parent / "core/1"


@pytest.fixture(scope="module")
def sample(trained, reloaded):
    """Inputs of the signatures of a core."""
    ids, mask = reloaded[3].ids(tf.constant(trained[3].sample))
    images = trained[3].in_memory["images"]
    return {"ids": ids.numpy(), "mask": mask.numpy(), "image": images}


def answers_of(signatures, sample):
    inputs = {"tokens": ("ids", "mask"), "images": ("image",)}
    return {
        f"{signature}/{output}": value.numpy()
        for signature, names in inputs.items()
        for output, value in signatures[signature](
            **{name: tf.constant(sample[name]) for name in names}
        ).items()
    }


@pytest.mark.slow
def test_it_answers_bit_by_bit_as_the_export(core, signatures, trained, sample):
    functions, provenance = saved_model.load(core)
    assert sorted(functions) == ["images", "tokens"]
    assert provenance == saved_model.load(trained[3].export)[1]
    answers = answers_of(functions, sample)
    for name, value in answers_of(signatures, sample).items():
        np.testing.assert_array_equal(answers[name], value)
    texts = signatures["serving_default"](text=tf.constant(trained[3].sample))
    assert len(set(answers["tokens/label"])) == 3
    for name, value in texts.items():
        np.testing.assert_array_equal(answers[f"tokens/{name}"], value)


@pytest.mark.slow
def test_it_loads_where_tensorflow_text_is_not(
    core, signatures, sample, tmp_path
):
    np.savez(tmp_path / "request.npz", **sample)
    paths = (core, tmp_path / "request.npz", tmp_path / "response.npz")
    finished = subprocess.run(
        [sys.executable, "-I", parity.HERE / "serve_core.py", *paths],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not finished.returncode, finished.stderr[-3000:]
    # From TensorFlow's command line, which restores as TF Serving does.
    printed = finished.stdout.split("Result for output key probabilities:")[1]
    ids = tf.constant([[2, 5, 3]])
    expected = signatures["tokens"](ids=ids, mask=tf.ones_like(ids))
    np.testing.assert_allclose(
        [float(x) for x in printed.split("]]")[0].strip(" \n[").split()],
        expected["probabilities"][0],
        atol=1e-6,
    )
    with np.load(tmp_path / "response.npz") as response:
        for name, value in answers_of(signatures, sample).items():
            if value.dtype == object:
                assert response[name].tolist() == value.tolist()
            else:
                np.testing.assert_allclose(
                    response[name], value, rtol=0, atol=parity.TOLERANCE
                )


def test_both_say_how_they_are_loaded(core, trained):
    path = "assets.extra/HOW_TO_LOAD.txt"
    whole = (trained[3].export / path).read_text("utf-8")
    assert "import tensorflow_text\n" in whole
    assert (
        "'FastWordpieceTokenizeWithOffsets'" in whole
    )  # as TensorFlow's error names it
    bare = (core / path).read_text("utf-8")
    assert "tensorflow_text" not in bare
    assert "Signatures: images, tokens." in bare


def test_prediction_from_a_core_says_what_to_name(core):
    with pytest.raises(ValueError, match="outside the folder `core`"):
        predictor.load_predictor(export_dir=str(core))


class Small(tf.Module):
    """A model with functions that read strings, numbers or both kinds."""

    def __init__(self, *kinds):
        super().__init__()
        self.factor = tf.Variable(np.arange(4, dtype=np.float32))
        self.constants = [self.factor]
        self.signatures = {
            name: function
            for name, function in {
                "text": tf.function(
                    self._text,
                    input_signature=[tf.TensorSpec([None], tf.string)],
                ),
                "number": tf.function(
                    lambda x: {"y": x * self.factor},
                    input_signature=[tf.TensorSpec([None, 4])],
                ),
            }.items()
            if name in kinds
        }

    def _text(self, x):
        clean = tensorflow_text.normalize_utf8(x)
        lengths = tf.strings.length(clean)[:, tf.newaxis]
        return {"y": tf.cast(lengths, tf.float32) * self.factor}


PROVENANCE = {"label_names": ["a", "b"], "model_sha256": "0"}


def export(out, *kinds):
    return saved_model.export(
        out, Small(*kinds), provenance=PROVENANCE, requests=[]
    )


def files_of(directory):
    variables = sorted((directory / "variables").iterdir())
    assert len(variables) == 2
    return variables


def assert_loads(directory):
    functions, provenance = saved_model.load(directory)
    assert provenance == PROVENANCE
    result = functions["number"](tf.ones([1, 4]))["y"]
    np.testing.assert_array_equal(result, [[0, 1, 2, 3]])


def test_weights_are_on_disk_once(tmp_path):
    version = export(tmp_path, "text", "number")
    core = tmp_path / "core/1"
    for one, two in zip(files_of(version), files_of(core), strict=True):
        assert one.samefile(two)
    assert not list(tmp_path.rglob("linked"))
    assert_loads(core)
    fingerprints = [
        tf.saved_model.experimental.read_fingerprint(str(directory))
        for directory in (version, core)
    ]
    assert len({item.checkpoint_hash for item in fingerprints}) == 1
    assert len({item.saved_model_checksum for item in fingerprints}) == 2


def test_without_hard_links_a_core_has_weights_of_its_own(
    tmp_path, monkeypatch
):
    def refuse(*_, **__):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    version = export(tmp_path, "text", "number")
    core = tmp_path / "core/1"
    for one, two in zip(files_of(version), files_of(core), strict=True):
        assert not one.samefile(two)
    assert not list(tmp_path.rglob("linked"))
    assert_loads(core)


@pytest.mark.parametrize("kind", ["text", "number"])
def test_there_is_no_core_where_it_would_be_empty_or_the_same(tmp_path, kind):
    version = export(tmp_path, kind)
    assert not (tmp_path / "core").exists()
    said = (version / "assets.extra/HOW_TO_LOAD.txt").read_text("utf-8")
    assert ("import tensorflow_text\n" in said) == (kind == "text")
