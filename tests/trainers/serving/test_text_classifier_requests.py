"""What a server meets: right requests, odd ones and wrong ones."""

import dataclasses
import os
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.support import parity
from text2image.bert import encoder
from trainers.serving import text_classifier

pytestmark = pytest.mark.slow


def test_signatures_have_their_names_types_and_shapes(signatures):
    functions = {
        name: (
            function.structured_input_signature[1],
            function.structured_outputs,
        )
        for name, function in signatures.items()
    }
    described = {
        name: (
            {k: (v.dtype.name, v.shape.as_list()) for k, v in inputs.items()},
            {k: (v.dtype.name, v.shape.as_list()) for k, v in outputs.items()},
        )
        for name, (inputs, outputs) in functions.items()
    }
    text = {"text": ("string", [None])}
    judged = {
        "probabilities": ("float32", [None, 3]),
        "novelty": ("float32", [None]),
    }
    labelled = {
        "label": ("string", [None]),
        "score": ("float32", [None]),
        **judged,
    }
    ids = ("int32", [None, None])
    image = {"image": ("float32", [None, 12, 14, 1])}
    assert described == {
        "serving_default": (text, labelled),
        "tokens": ({"ids": ids, "mask": ids}, labelled),
        "images": (image, judged),
        "embed": (text, {"stack": ("float32", [None, 3, 16])}),
        "render": (text, image),
        "tokenize": (text, {"ids": ids, "mask": ids}),
        "explain": (
            text | {"label": ("int32", [None])},
            {
                **{name: ids for name in ("ids", "masked_ids")},
                "tokens": ("float32", [None, None]),
                "label": ("int32", [None]),
                "probabilities": ("float32", [None, 3]),
                **{
                    name: ("float32", [None])
                    for name in ("margin", "words_baseline", "image_baseline")
                },
                **{
                    name: ("float32", [None, 12, 14, 1])
                    for name in ("image", "mean_image", "pixels")
                },
                "features": ("float32", [None, 3, 16]),
            },
        ),
    }


def test_tokens_and_images_lead_to_the_same_answer(
    trained, signatures, tiny_bert
):
    texts = trained[3].sample[:80]
    reference = parity.answer(signatures["serving_default"], texts)
    bert = encoder.Encoder(tiny_bert, layers="0-2", max_tokens=32)
    ids, _ = bert.tokenizer.ids(tf.constant(texts), tf.constant(32))
    # Another padding, as a client may choose it.
    ids = tf.pad(ids, [[0, 0], [0, 32 - ids.shape[1]]])
    answers = signatures["tokens"](ids=ids, mask=tf.cast(ids != 0, tf.int32))
    parity.assert_parity({k: v.numpy() for k, v in answers.items()}, reference)
    image = signatures["render"](text=tf.constant(texts))["image"]
    np.testing.assert_allclose(
        signatures["images"](image=image)["probabilities"],
        reference["probabilities"],
        rtol=0,
        atol=parity.TOLERANCE,
    )


def spoiled(value):
    """Two images, one number of which is `value`."""
    images = np.zeros((2, 12, 14, 1), np.float32)
    images[1, 3, 4] = value
    return tf.constant(images)


@pytest.mark.parametrize("value", [0.0, 0.25, 1000.0])
def test_a_blank_image_is_legal(signatures, value):
    images = tf.fill([2, 12, 14, 1], value)
    answer = signatures["images"](image=images)["probabilities"]
    np.testing.assert_allclose(tf.reduce_sum(answer, axis=1), 1, rtol=1e-5)


def test_an_image_whose_answer_would_overflow_is_an_error(reloaded):
    image = keras.Input((12, 14, 1))
    x = keras.layers.Flatten()(image)
    x = keras.layers.Dense(3, kernel_initializer="ones")(x)
    parts = dataclasses.replace(reloaded[3].parts, model=keras.Model(image, x))
    images = text_classifier.TextClassifier(parts).images
    assert np.isfinite(images(image=spoiled(1e30))["probabilities"]).all()
    with pytest.raises(tf.errors.InvalidArgumentError, match="too large to be"):
        images(image=tf.fill([1, 12, 14, 1], 3e38))


@pytest.mark.parametrize("name", ["serving_default", "embed", "render"])
def test_equal_texts_of_a_request_get_the_bits_of_each_alone(
    trained, signatures, name
):
    function = signatures[name]
    texts = [*trained[3].sample[:3], b"", b""]
    asked = [texts[index] for index in (0, 3, 1, 0, 2, 4, 0, 1)]
    together = function(text=tf.constant(asked))
    for index, text in enumerate(asked):
        alone = function(text=tf.constant([text]))
        for output, value in together.items():
            np.testing.assert_array_equal(value[index], alone[output][0])


def test_ten_thousand_empty_texts_are_one_computation(signatures):
    function = signatures["serving_default"]

    def answer(texts):
        start = time.monotonic()
        answers = function(text=tf.constant(texts))
        return time.monotonic() - start, answers

    answer(["a"])  # the first call prepares
    seconds, many = answer([""] * 10_000)
    assert many["label"].shape == (10_000,)
    assert len(np.unique(many["probabilities"], axis=0)) == 1
    assert seconds < answer([f"a {number}" for number in range(500)])[0]


def test_an_empty_batch_gets_an_empty_answer(signatures):
    text = {"text": tf.constant([], tf.string)}
    ids = tf.zeros([0, 5], tf.int32)
    inputs = {
        "serving_default": text,
        "embed": text,
        "render": text,
        "tokenize": text,
        "explain": text | {"label": tf.zeros([0], tf.int32)},
        "tokens": {"ids": ids, "mask": ids},
        "images": {"image": tf.zeros([0, 12, 14, 1])},
    }
    assert sorted(inputs) == sorted(signatures)
    for name, function in signatures.items():
        empty = function(**inputs[name])
        assert {value.shape[0] for value in empty.values()} == {0}


@pytest.mark.parametrize(
    ("signature", "inputs", "message"),
    [
        ("serving_default", {"text": tf.constant([1, 2])}, "string"),
        ("serving_default", {"text": tf.constant([["a"], ["b"]])}, "shape"),
        ("serving_default", {"text": tf.constant("a")}, "shape"),
        ("tokenize", {"text": tf.constant("a")}, "shape"),
        *(
            (
                "explain",
                {"text": tf.constant(["a"]), "label": tf.constant(labels)},
                message,
            )
            for labels, message in (
                ([3], r"`label` must be in \[-1, 2\]"),
                ([-2], r"`label` must be in \[-1, 2\]"),
                ([0, 1], "must have the same length"),
                (0, "shape"),
            )
        ),
        (
            "images",
            {"image": tf.zeros([1, 12, 14, 3])},
            r"\[1,12,14,3\] is not compatible with expected .*\[\?,12,14,1\]",
        ),
        (
            "images",
            {"image": tf.zeros([12, 14, 1])},
            r"\[12,14,1\] is not compatible with expected .*\[\?,12,14,1\]",
        ),
        ("images", {"image": tf.zeros([1, 12, 14, 1], tf.float64)}, "double"),
        *(
            ("images", {"image": spoiled(value)}, "must hold finite numbers")
            for value in (np.nan, np.inf, -np.inf)
        ),
        (
            "tokens",
            {
                "ids": tf.ones([1, 33], tf.int32),
                "mask": tf.ones([1, 33], tf.int32),
            },
            "at most 32 columns",
        ),
        (
            "tokens",
            {"ids": tf.fill([1, 4], 10**6), "mask": tf.ones([1, 4], tf.int32)},
            r"`ids` must be in \[0, ",
        ),
        (
            "tokens",
            {
                "ids": tf.ones([1, 0], tf.int32),
                "mask": tf.ones([1, 0], tf.int32),
            },
            "must have at least one column",
        ),
        (
            "tokens",
            {
                "ids": tf.ones([2, 4], tf.int32),
                "mask": tf.ones([1, 4], tf.int32),
            },
            "must have the same shape",
        ),
        (
            "tokens",
            {"ids": tf.fill([1, 4], -1), "mask": tf.ones([1, 4], tf.int32)},
            r"`ids` must be in \[0, ",
        ),
        (
            "tokens",
            {"ids": tf.ones([1, 2], tf.int32), "mask": tf.fill([1, 2], 2)},
            "must be 1 for a token",
        ),
        (
            "tokens",
            {"ids": tf.ones([4], tf.int32), "mask": tf.ones([4], tf.int32)},
            r"\[4\] is not compatible with expected shape \[\?,\?\]",
        ),
        (
            "tokens",
            {
                "ids": tf.ones([1, 2], tf.int32),
                "mask": tf.zeros([1, 2], tf.int32),
            },
            r"must begin with 1, for \[CLS\]: pad on the right",
        ),
        (
            "tokens",
            {
                "ids": tf.ones([1, 2], tf.int64),
                "mask": tf.ones([1, 2], tf.int64),
            },
            "expected to be a int32 tensor but is a int64",
        ),
        ("tokens", {"ids": tf.ones([1, 2], tf.int32)}, "argument: 'mask'"),
        ("serving_default", {"text": [None]}, r"Attempt to convert a value"),
    ],
)
def test_a_wrong_request_is_an_error_that_says_so(
    signatures, signature, inputs, message
):
    with pytest.raises(
        (tf.errors.InvalidArgumentError, TypeError), match=message
    ):
        signatures[signature](**inputs)
    # The model still answers.
    assert signatures["serving_default"](text=tf.constant(["ok"]))


def test_saved_model_cli_runs_it(trained):
    code = (
        "import tensorflow_text; from tensorflow.python.tools.saved_model_cli "
        "import main; main()"
    )
    finished = subprocess.run(
        [
            *(sys.executable, "-c", code, "run", "--dir", trained[3].export),
            *("--tag_set", "serve", "--signature_def", "serving_default"),
            *("--input_exprs", 'text=["A gripping film","Awful"]'),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert not finished.returncode, finished.stderr[-3000:]
    for output in ("label", "score", "probabilities"):
        assert f"Result for output key {output}" in finished.stdout
