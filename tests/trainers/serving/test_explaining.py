"""Contributions in the graph, against an independent implementation."""

import dataclasses

import keras
import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf

from tests.support.numpy_bert import cls_stacks
from text2image.deepinsight.pixel_map import PixelMap
from text2image.deepinsight.render import Renderer
from trainers.runs import loading
from trainers.serving.text_classifier import TextClassifier

TEXTS = ["good film", "so bad, film 7: hate", "a dull love"]
# A network of random weights is rough: 512 steps need not be enough for 1%.
TOLERANCE = 0.02


def explain(classifier, texts, label=-1):
    outputs = classifier.explain(
        tf.constant(texts), tf.fill([len(texts)], label)
    )
    return {name: value.numpy() for name, value in outputs.items()}


@pytest.fixture(scope="module")
def explained(reloaded):
    return explain(reloaded[3], TEXTS)


@pytest.mark.slow
def test_sums_are_the_differences_of_margins(explained):
    for sums, baseline in (
        (explained["tokens"].sum(axis=1), "words_baseline"),
        (explained["pixels"].sum(axis=(1, 2, 3)), "image_baseline"),
        (explained["features"].sum(axis=(1, 2)), "image_baseline"),
    ):
        differences = explained["margin"] - explained[baseline]
        errors = np.abs(sums - differences)
        assert (errors <= TOLERANCE * np.maximum(1, np.abs(differences))).all()


def test_what_is_explained_is_what_is_predicted(reloaded, explained):
    predicted = reloaded[3].serving_default(tf.constant(TEXTS))
    np.testing.assert_array_equal(
        explained["probabilities"], predicted["probabilities"]
    )
    names = reloaded[3].parts.label_names
    assert [names[label] for label in explained["label"]] == [
        label.decode() for label in predicted["label"].numpy()
    ]
    image = reloaded[3].render(tf.constant(TEXTS))["image"]
    np.testing.assert_array_equal(explained["image"], image)


@pytest.mark.slow
def test_a_margin_is_a_logit_less_the_mean_of_the_others(reloaded):
    margins = [
        explain(reloaded[3], TEXTS[:1], label)["margin"][0]
        for label in range(3)
    ]
    logits = np.log(explain(reloaded[3], TEXTS[:1])["probabilities"][0])
    expected = 1.5 * (logits - logits.mean())
    np.testing.assert_allclose(margins, expected, atol=1e-5)


def test_padding_and_the_frame_contribute_nothing(reloaded, explained):
    _, mask = reloaded[3].ids(tf.constant(TEXTS))
    lengths = tf.reduce_sum(mask, axis=1).numpy()
    assert len(set(lengths)) == 3
    for row, length in enumerate(lengths):
        tokens, ids = explained["tokens"][row], explained["ids"][row]
        masked = explained["masked_ids"][row]
        assert np.abs(tokens[[0, *range(length - 1, len(tokens))]]).max() < 1e-6
        assert tokens[1 : length - 1].all()
        assert masked[0] == ids[0]
        assert masked[length - 1] == ids[length - 1]
        assert len(set(masked[1 : length - 1])) == 1
    alone = explain(reloaded[3], TEXTS[:1])
    np.testing.assert_array_equal(
        alone["tokens"][0], explained["tokens"][0, : lengths[0]]
    )


@pytest.mark.slow
def test_two_calls_are_equal(reloaded, explained):
    for name, value in explain(reloaded[3], TEXTS).items():
        np.testing.assert_array_equal(value, explained[name])


@pytest.mark.slow
def test_tokens_agree_with_sums_of_finite_differences(
    trained, reloaded, explained, tiny_bert
):
    """BERT in numpy and the drawing of records, by steps along the path."""
    row, steps = 1, 64
    tensors = safetensors.numpy.load_file(f"{tiny_bert}/model.safetensors")
    run = loading.load_run(trained[3].workdir)
    renderer = Renderer(PixelMap.load(trained[3].workdir))
    label = explained["label"][row]
    length = np.count_nonzero(explained["ids"][row])
    ids, masked = (
        explained[name][row, :length] for name in ("ids", "masked_ids")
    )

    def margins(shares):
        """Of points `(n, T)`: shares of each token on its way."""
        count = len(shares)
        states = []
        for each in (ids, masked):
            cls_stacks(
                tensors,
                each[None],
                num_heads=4,
                move=lambda x: states.append(x) or x,
            )
        points = states[1] + shares[..., None] * (states[0] - states[1])
        stacks = cls_stacks(
            tensors,
            np.tile(ids, (count, 1)),
            num_heads=4,
            move=lambda _: points,
        )[:, :3]
        images = renderer.render(stacks.astype(np.float32))
        logits = run.model.predict_on_batch(images).astype(float)
        return 1.5 * (logits[:, label] - logits.mean(axis=1))

    middles = (np.arange(steps) + 0.5) / steps
    expected = np.zeros(length)
    for token in range(length):
        half = np.eye(length)[token] / (2 * steps)
        path = np.tile(middles[:, None], (1, length))
        expected[token] = (margins(path + half) - margins(path - half)).sum()
    largest = np.abs(expected).max()
    assert largest > 0.05
    np.testing.assert_allclose(
        explained["tokens"][row, :length], expected, atol=0.02 * largest
    )


def test_a_linear_model_is_explained_by_weights_times_difference(
    reloaded, explained
):
    """Of image and features, in one step and therefore in any."""
    rng = np.random.default_rng(0)
    shape = explained["image"].shape[1:]
    image = keras.Input(shape)
    dense = keras.layers.Dense(3, use_bias=False)
    linear = keras.Model(image, dense(keras.layers.Flatten()(image)))
    dense.kernel.assign(rng.normal(size=dense.kernel.shape))
    parts = dataclasses.replace(reloaded[3].parts, model=linear)
    outputs = explain(TextClassifier(parts), TEXTS, label=2)
    weights = 1.5 * dense.kernel.numpy() @ (np.eye(3)[2] - 1 / 3)
    differences = explained["image"] - explained["mean_image"]
    np.testing.assert_allclose(
        outputs["pixels"], weights.reshape(shape) * differences, atol=1e-5
    )
    averaging = parts.drawing.get_layer("averaging")
    expected = (
        outputs["pixels"].reshape(len(TEXTS), -1)[:, averaging.pixel.numpy()]
        * averaging.share.numpy()
    )
    np.testing.assert_allclose(
        outputs["features"].reshape(len(TEXTS), -1), expected, atol=1e-6
    )


def test_without_a_mean_image_nothing_is_explained(reloaded):
    parts = dataclasses.replace(reloaded[3].parts, train_images=None)
    classifier = TextClassifier(parts)
    assert "explain" not in classifier.signatures
    assert "tokenize" in classifier.signatures
