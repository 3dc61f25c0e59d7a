"""The shipped encoder is uncased, precise and better than chance."""

import json

import numpy as np
import pytest
from sklearn import linear_model, preprocessing

from text2image import assets
from text2image.bert import checkpoint, encoder

# Logistic regression on its stacks reaches 0.67 on the demo's validation split
# of 352 hard reviews (`data/MINI_ENCODER.md`). The floor is two standard errors
# below that and five above chance.
FLOOR = 0.62


@pytest.fixture(scope="module")
def mini():
    return encoder.Encoder(checkpoint.locate(checkpoint.MINI), max_tokens=256)


def demo_reviews():
    lines = assets.demo_reviews().read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_it_has_the_six_layers_that_last6_takes(mini):
    assert mini.stack_shape == (6, 128)


@pytest.mark.slow
@pytest.mark.parametrize("text", ["A GREAT Film", "a gre\u00e0t f\u00eflm"])
def test_case_and_accents_do_not_matter(mini, text):
    stacks, _ = mini.encode([text])
    expected, _ = mini.encode(["a great film"])
    np.testing.assert_array_equal(stacks, expected)


@pytest.mark.slow
def test_bfloat16_hardly_turns_a_vector(mini):
    # Short: all are padded to 64 tokens.
    texts = [review["text"][:80] for review in demo_reviews()[:16]]
    exact, _ = mini.encode(texts)
    rounded, _ = encoder.Encoder(
        checkpoint.locate(checkpoint.MINI), max_tokens=64, dtype="bfloat16"
    ).encode(texts)
    assert exact.dtype == rounded.dtype == np.float32
    assert (exact != rounded).any(), "both computed in float32"
    sizes = [np.linalg.norm(x, axis=-1) for x in (exact, rounded)]
    cosine = (exact * rounded).sum(axis=-1) / (sizes[0] * sizes[1])
    # bfloat16 keeps 8 bits: errors of 0.4%, at random, of each of 128 values.
    assert cosine.min() > 0.9999


@pytest.mark.slow  # a demonstration: encodes all 1,760 reviews
def test_a_linear_probe_of_its_stacks_beats_chance(mini):
    reviews = demo_reviews()
    stacks, _ = mini.encode([review["text"] for review in reviews])
    x = stacks.reshape(len(stacks), -1)
    y = np.array([review["label"] for review in reviews])
    train = np.array([review["split"] == "train" for review in reviews])
    scaler = preprocessing.StandardScaler().fit(x[train])
    probe = linear_model.LogisticRegression(C=0.001)
    probe.fit(scaler.transform(x[train]), y[train])
    assert probe.score(scaler.transform(x[~train]), y[~train]) >= FLOOR
