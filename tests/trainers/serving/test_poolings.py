"""Every pooling, of long texts and of markup, up to a SavedModel."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from text2image import options
from text2image.bert import checkpoint, encoder
from text2image.bert.long_texts import LongTexts
from text2image.deepinsight import pixel_map, scaling, statistics
from text2image.deepinsight.keras_layers import build_drawing
from tfrecords.stages.encoded_records import describe_encoder
from trainers.explanations.explainer import Explainer
from trainers.explanations.options import METHODS
from trainers.runs.train_images import TrainImages
from trainers.serving import functions, grouping
from trainers.serving.predictor import Served, of_classifier
from trainers.serving.text_classifier import Parts, TextClassifier

LONG = "so good " * 9 + "and bad " * 30 + "a film"
MARKUP = "a <b>good</b> &amp; bad<br /><br />film"
TEXTS = ["a good film", "bad", LONG, MARKUP]
MAX_TOKENS = 32
LABELS = ("no", "yes", "maybe")
# Batches of other shapes sum in another order, which the drawing amplifies.
TOLERANCE = 1e-4
# A network of random weights is rough: 512 steps need not be enough for 1%.
COMPLETE = 0.02


def drawing_of(stacks):
    """A drawing whose scaler saw the stacks, with features at random places."""
    rows = stacks.reshape(len(stacks), -1)
    seen = statistics.FeatureStatistics.empty(rows.shape[1])
    seen.update(rows)
    points = np.random.default_rng(0).uniform(size=(rows.shape[1], 2))
    fitted = pixel_map.fit_pixel_map(
        points, (8, 9), scaling.fit_scaler("standard", seen)
    )
    return build_drawing(fitted, stacks.shape[1:])


def model_of(drawing):
    return keras.Sequential(
        [
            keras.Input(drawing.output_shape[1:]),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(len(LABELS)),
        ]
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "pooling",
    [
        pooling
        if pooling == "first_last"
        else pytest.param(pooling, marks=pytest.mark.slow)
        for pooling in options.POOLINGS
    ],
)
def test_a_saved_model_answers_and_explains_as_the_records_say(
    tiny_bert, tmp_path, pooling
):
    keras.utils.set_random_seed(0)
    recorder = encoder.Encoder(
        tiny_bert,
        layers="0-1",
        max_tokens=MAX_TOKENS,
        pooling=pooling,
        long_texts="head_tail",
        clean="html",
        compiled=False,
    )
    stacks, lengths = recorder.encode(TEXTS)
    assert lengths[2] > MAX_TOKENS
    drawing = drawing_of(stacks)
    model = model_of(drawing)
    images = drawing.predict_on_batch(stacks)
    expected = keras.ops.softmax(model(images)).numpy()
    provenance = {"encoder_sha256": checkpoint.identify(tiny_bert)}
    loaded = functions.load_encoder(
        describe_encoder(recorder, tiny_bert, provenance)
    )
    known = TrainImages(images.mean(axis=0))
    classifier = TextClassifier(Parts(loaded, drawing, model, LABELS, known))
    tf.saved_model.save(
        classifier, str(tmp_path), signatures=classifier.signatures
    )
    saved = tf.saved_model.load(str(tmp_path)).signatures
    answers = saved["serving_default"](text=tf.constant(TEXTS))
    np.testing.assert_allclose(
        answers["probabilities"], expected, rtol=0, atol=TOLERANCE
    )
    served = Served(
        dict(saved),
        LABELS,
        tuple(recorder.layers),
        long_texts=LongTexts("head_tail", MAX_TOKENS),
        clean="html",
    )
    assert served.clean == of_classifier(classifier).clean
    assert served.long_texts == of_classifier(classifier).long_texts
    for item, row in zip(
        Explainer(served).explain(TEXTS), expected, strict=True
    ):
        np.testing.assert_allclose(item.probabilities, row, atol=TOLERANCE)
        for error, baseline in (
            (item.words_error, item.words_baseline),
            (item.pixels_error, item.image_baseline),
        ):
            assert error <= COMPLETE * max(1, abs(item.margin - baseline))
        words = [item.text[word.start : word.end] for word in item.words]
        if item.text == LONG:
            assert words == LONG.split()[:7] + LONG.split()[-23:]
        elif item.text == MARKUP:
            assert words == ["a", "good", "&amp;", "bad", "film"]
        else:
            assert words == item.text.split()
        assert all(word.contribution for word in item.words)


@pytest.mark.slow
def test_a_saved_model_reads_windows_as_the_records_do(tiny_bert, tmp_path):
    keras.utils.set_random_seed(0)
    recorder = encoder.Encoder(
        tiny_bert,
        layers="0-1",
        max_tokens=MAX_TOKENS,
        long_texts="windows",
        compiled=False,
    )
    stacks, _ = recorder.encode(TEXTS)
    drawing = drawing_of(stacks)
    model = model_of(drawing)
    known = TrainImages(drawing.predict_on_batch(stacks).mean(axis=0))
    provenance = {"encoder_sha256": checkpoint.identify(tiny_bert)}
    loaded = functions.load_encoder(
        describe_encoder(recorder, tiny_bert, provenance)
    )
    parts = Parts(loaded, drawing, model, LABELS, known)
    classifier = TextClassifier(parts)
    tf.saved_model.save(
        classifier, str(tmp_path), signatures=classifier.signatures
    )
    saved = tf.saved_model.load(str(tmp_path)).signatures
    texts = tf.constant(TEXTS)
    np.testing.assert_allclose(
        saved["embed"](text=texts)["stack"], stacks, rtol=0, atol=TOLERANCE
    )
    expected = saved["serving_default"](text=texts)["probabilities"]
    tokens = saved["tokenize"](text=texts)
    assert tokens["ids"].shape[1] > MAX_TOKENS
    np.testing.assert_array_equal(
        saved["tokens"](**tokens)["probabilities"], expected
    )
    explainer = Explainer(
        Served(
            dict(saved),
            LABELS,
            tuple(recorder.layers),
            long_texts=LongTexts("windows", MAX_TOKENS),
        )
    )
    for method in METHODS:
        for item, row in zip(
            explainer.explain(TEXTS, method=method), expected, strict=True
        ):
            np.testing.assert_array_equal(item.probabilities, row)
            words = [item.text[word.start : word.end] for word in item.words]
            assert "".join(words) == "".join(item.text.split())
            assert all(word.contribution for word in item.words)
            if method == "gradients":
                assert item.words_error <= COMPLETE * max(
                    1, abs(item.margin - item.words_baseline)
                )
    with pytest.raises(ValueError, match="--export_batching"):
        TextClassifier(parts, grouping.choose(MAX_TOKENS))
