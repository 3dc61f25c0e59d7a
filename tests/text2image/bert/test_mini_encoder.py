"""The shipped encoder: uncased, repeatable, and better than chance."""

import json

import numpy as np
import pytest

from text2image import assets, options
from text2image.bert import checkpoint, encoder

# Logistic regression on its stacks reaches 0.67 on the demo's validation split
# of 352 hard reviews (`data/MINI_ENCODER.md`); the floor leaves two standard
# errors and is five above chance.
FLOOR = 0.62


@pytest.fixture(scope="module")
def mini():
    return encoder.Encoder(checkpoint.locate(checkpoint.MINI), max_tokens=256)


def demo_reviews():
    lines = assets.demo_reviews().read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_it_has_the_six_layers_that_last6_takes(mini):
    assert mini.stack_shape == (6, 128)


@pytest.mark.parametrize("text", ["A GREAT Film", "a gre\u00e0t f\u00eflm"])
def test_case_and_accents_do_not_matter(mini, text):
    got, _ = mini.encode([text])
    expected, _ = mini.encode(["a great film"])
    np.testing.assert_array_equal(got, expected)


def test_the_same_texts_give_the_same_bytes(mini):
    texts = ["A gripping film.", "Two hours I want back.", "", "So-so. " * 90]
    first, _ = mini.encode(texts)
    fresh = encoder.Encoder(checkpoint.locate(checkpoint.MINI), max_tokens=256)
    second, _ = fresh.encode(texts)
    assert first.tobytes() == second.tobytes()


def test_bfloat16_hardly_turns_a_vector():
    texts = [review["text"] for review in demo_reviews()[:40]]
    exact, rounded = (
        encoder.Encoder(
            checkpoint.locate(checkpoint.MINI),
            max_tokens=64,
            dtype=dtype,
        ).encode(texts)[0]
        for dtype in options.ENCODER_DTYPES
    )
    assert exact.dtype == rounded.dtype == np.float32
    assert (exact != rounded).any(), "both computed in float32"
    sizes = [np.linalg.norm(x, axis=-1) for x in (exact, rounded)]
    cosine = (exact * rounded).sum(axis=-1) / (sizes[0] * sizes[1])
    # bfloat16 keeps 8 bits: errors of 0.4%, at random, of each of 128 values.
    assert cosine.min() > 0.9999


def test_its_stacks_tell_praise_from_blame(mini):
    from sklearn import linear_model, preprocessing

    reviews = demo_reviews()
    stacks, _ = mini.encode([review["text"] for review in reviews])
    x = stacks.reshape(len(stacks), -1)
    y = np.array([review["label"] for review in reviews])
    train = np.array([review["split"] == "train" for review in reviews])
    scaler = preprocessing.StandardScaler().fit(x[train])
    probe = linear_model.LogisticRegression(C=0.001)
    probe.fit(scaler.transform(x[train]), y[train])
    assert probe.score(scaler.transform(x[~train]), y[~train]) >= FLOOR
