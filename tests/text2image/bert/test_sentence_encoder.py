"""A SavedModel as encoder: its own vectors, or a refusal that helps."""

import numpy as np
import pytest
import tensorflow as tf

from tests.support import sentence_encoders
from text2image import allowed_ops
from text2image.bert import headers
from text2image.bert.sentence_encoder import SentenceEncoder

SLOW = pytest.mark.slow
TEXTS = [b"a leaf", b"", b"Warm sea", b"thing thing x"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return sentence_encoders.save(tmp_path_factory.mktemp("sentences"))


@pytest.mark.parametrize(
    "kind",
    ["call", *(pytest.param(k, marks=SLOW) for k in ("file", "signature"))],
)
def test_vectors_are_those_of_the_model(tmp_path, kind):
    encoder = SentenceEncoder(str(sentence_encoders.save(tmp_path, kind)))
    expected = sentence_encoders.Sentences().mean(tf.constant(TEXTS))
    assert encoder.size == sentence_encoders.SIZE
    np.testing.assert_array_equal(encoder.encode(TEXTS), expected)


def test_batches_of_texts_keep_their_order(saved):
    encoder = SentenceEncoder(str(saved))
    texts = [f"word{number}".encode() for number in range(130)]
    np.testing.assert_allclose(
        encoder.encode(texts)[128:], encoder.encode(texts[128:]), atol=1e-6
    )
    assert encoder.encode([]).shape == (0, sentence_encoders.SIZE)


@SLOW
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("two", r"serving_default: gives . float32 \[2, 6\] .*, . float32"),
        ("flat", r"gives a float32 \[2\] for 2 texts"),
        ("batch", "the same vector whatever other texts"),
        ("nan", "must give finite vectors"),
    ],
)
def test_other_models_are_refused(tmp_path, kind, message):
    sentence_encoders.save(tmp_path, kind)
    with pytest.raises(ValueError, match=message):
        SentenceEncoder(str(tmp_path))


@SLOW
def test_a_model_of_other_inputs_is_refused(tmp_path):
    module = tf.Module()
    module.f = tf.function(lambda x: x, [tf.TensorSpec([None, 3])])
    tf.saved_model.save(module, str(tmp_path / "none"), signatures={})
    with pytest.raises(ValueError, match="neither __call__ nor serving_def"):
        SentenceEncoder(str(tmp_path / "none"))
    tf.saved_model.save(module, str(tmp_path / "ids"), module.f)
    with pytest.raises(ValueError, match=r"serving_default: .*Name a SavedM"):
        SentenceEncoder(str(tmp_path / "ids"))


@SLOW
def test_a_graph_that_writes_files_is_refused_before_it_runs(tmp_path):
    module = tf.Module()
    target = tmp_path / "made"

    def write(texts):
        with tf.control_dependencies([tf.io.write_file(str(target), texts[0])]):
            return tf.zeros((tf.size(texts), 2))

    module.__call__ = tf.function(
        write, input_signature=[tf.TensorSpec([None], tf.string)]
    )
    tf.saved_model.save(module, str(tmp_path / "model"))
    with pytest.raises(ValueError, match=r"known ops only.*WriteFile"):
        SentenceEncoder(str(tmp_path / "model"))
    assert not target.exists()


def test_a_damaged_model_is_refused(tmp_path, saved):
    (tmp_path / "saved_model.pb").write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"--encoder=.* cannot be"):
        SentenceEncoder(str(tmp_path))


def test_a_stack_needs_a_bert(saved):
    assert headers.is_saved_model(saved)
    with pytest.raises(ValueError, match=r"Received: a TensorFlow SavedModel"):
        headers.read_header(saved)


def test_ops_that_an_encoder_adds_do_not_reach_outside():
    outside = {"ReadFile", "WriteFile", "PyFunc", "EagerPyFunc", "SaveV2"}
    assert not outside & (allowed_ops.ENCODER_OPS | allowed_ops.LOADED_OPS)
