"""Faithfulness: completeness, comparisons, and an additive model."""

import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats

from text2image.bert.word_spans import WordSpan
from trainers.explanations import faithfulness, pixel_curves
from trainers.explanations.explanation import Explanation, Word


def test_completeness_is_relative_only_to_differences_above_1():
    assert faithfulness.completeness(
        [0.009, 0.011, 0.011, 0.04], [0.1, -0.5, -2.0, 2.0]
    ) == pytest.approx({"within": 0.5, "median": 0.01, "largest": 0.02})


def test_every_method_is_compared_with_random_text_by_text(rng):
    values = [
        {
            "good": (1.0 + 0.1 * number, 0.0),
            faithfulness.RANDOM: (0.5, 0.01 * number),
        }
        for number in range(8)
    ]
    result = faithfulness.compare(values, ("up", "down"))
    assert result["good"]["up"] == {
        "mean": pytest.approx(1.35),
        "p_value": 2 / 2**8,
    }
    down = scipy.stats.wilcoxon(-0.01 * np.arange(8))
    assert result["good"]["down"]["p_value"] == down.pvalue
    assert result[faithfulness.RANDOM]["up"] == {"mean": 0.5}


class AdditiveModel:
    """Stands for `MaskedTexts` where a margin is the sum of the words kept."""

    def __init__(self, terms):
        self.terms = terms

    def words(self, text):
        spans = [WordSpan(n, n + 1, n + 1, n + 2) for n in range(len(text))]
        return np.zeros(len(text) + 2, np.int32), spans

    def margins(self, ids, words, keep, label):
        return keep @ self.terms[: len(words)]

    def gradient_times_input(self, ids, words, label):
        return -self.terms[: len(words)]  # the worst order


def explanation(text, words, shape=(2, 3, 1), **arrays):
    values = {
        name: arrays.get(name, np.zeros(shape))
        for name in ("image", "mean_image", "pixels")
    }
    return Explanation(
        text=text,
        label="pos",
        probabilities=np.array([0.5, 0.5]),
        margin=float(sum(words)),
        words_baseline=0.0,
        image_baseline=0.0,
        words=tuple(Word(n, n + 1, value) for n, value in enumerate(words)),
        features=np.zeros((1, 6)),
        words_error=0.0,
        pixels_error=0.0,
        **values,
    )


def test_of_an_additive_model_gradients_and_occlusion_are_the_best_order(rng):
    terms = rng.normal(size=10)
    texts = [explanation("ten chars.", terms), explanation("", [])]
    (values,) = faithfulness.measure_words(
        texts, AdditiveModel(terms), {"pos": 1}.get
    )
    best = values[faithfulness.GRADIENTS]
    assert values[faithfulness.OCCLUSION] == pytest.approx(best)
    for other in (faithfulness.PRODUCT, faithfulness.RANDOM):
        assert values[other][0] < best[0]
        assert values[other][1] > best[1]
    # One word is removed at 1, 5 and 10%, two at 20%, five at 50%.
    gone = np.cumsum(np.sort(terms)[::-1])[[0, 0, 0, 1, 4]]
    assert best == pytest.approx((gone.mean(), terms.sum() - gone.mean()))


def test_pixels_of_a_linear_model_are_deleted_best_by_their_contributions(rng):
    image, maps = keras.Input((4, 5, 1)), keras.Input((4, 5, 1))
    features = keras.Model(image, keras.layers.Identity()(image))
    logits = keras.layers.Dense(2)(keras.layers.Flatten()(maps))
    classifier = keras.Model(maps, logits)
    whole = keras.Model(image, classifier(features(image)))
    kernel, _ = classifier.get_weights()
    weights = (kernel[:, 1] - kernel[:, 0]).reshape(4, 5, 1)
    values = rng.normal(size=(4, 5, 1)).astype(np.float32)
    explained = explanation(
        "",
        [],
        image=values,
        mean_image=np.zeros((4, 5, 1), np.float32),
        pixels=weights * values,
    )
    occupied = np.ones((4, 5, 1), bool)
    (curves,) = faithfulness.measure_pixels(
        [explained], occupied, whole, {"pos": 1}.get
    )
    largest = np.sort((weights * values).ravel())[::-1]
    gone = np.concatenate([[0.0], np.cumsum(largest)])  # 20 pixels, 20 steps
    sigmoid = scipy.special.expit
    deletion, insertion = curves[faithfulness.GRADIENTS]
    np.testing.assert_allclose(deletion, sigmoid(gone[-1] - gone), atol=1e-5)
    np.testing.assert_allclose(insertion, sigmoid(gone), atol=1e-5)
    areas = {name: pixel_curves.area(both) for name, both in curves.items()}
    for other in (faithfulness.GRAD_CAM, faithfulness.RANDOM):
        assert areas[faithfulness.GRADIENTS][0] < areas[other][0]
        assert areas[faithfulness.GRADIENTS][1] > areas[other][1]
