"""Masked texts against the explainer and against ids masked by hand."""

import numpy as np
import pytest
import tensorflow as tf

from text2image.deepinsight.keras_layers import build_drawing
from text2image.deepinsight.pixel_map import PixelMap
from trainers.explanations.masked_texts import MaskedTexts
from trainers.runs import loading

TEXT = "film 7: great great bad, so a love"


@pytest.fixture(scope="module")
def masked(trained, reloaded):
    run = loading.load_run(trained[3].workdir)
    encoder = reloaded[3].encoder
    drawing = build_drawing(PixelMap.load(run.workdir), encoder.stack_shape)
    return MaskedTexts(encoder, drawing, run.model)


def served_margin(classifier, ids, label):
    """From the probabilities of the served model."""
    ids = np.asarray(ids)[np.newaxis]
    answer = classifier.tokens(ids=ids, mask=np.ones_like(ids))
    logits = np.log(answer["probabilities"].numpy()[0].astype(float))
    return logits[label] - np.delete(logits, label).mean()


@pytest.mark.slow
def test_margins_are_those_of_the_served_model_on_masked_ids(masked, reloaded):
    label = 2
    ids, words = masked.words(TEXT)
    keep = np.random.default_rng(0).uniform(size=(5, len(words))) < 0.6
    keep[0], keep[1] = True, False
    margins = masked.margins(ids, words, keep, label)
    assert len(set(margins.tolist())) == 5
    mask_id = reloaded[3].encoder.tokenizer.mask_id
    for row, value in zip(keep, margins, strict=True):
        copy = ids.copy()
        for word, stays in zip(words, row, strict=True):
            if not stays:
                copy[word.first : word.stop] = mask_id
        # Float32 sums in another order.
        expected = served_margin(reloaded[3], copy, label)
        np.testing.assert_allclose(value, expected, atol=1e-4)
    assert (copy[[0, -1]] == ids[[0, -1]]).all()


@pytest.mark.slow
def test_gradient_times_input_of_a_rescaled_embedding_is_its_slope(masked):
    ids, words = masked.words(TEXT)
    products = masked.gradient_times_input(ids, words, 1)
    assert products.shape == (len(words),)
    # Euler: along e, 1 + t, the derivative is the sum over all positions; of
    # one word, over its positions alone.
    word = words[3]
    states = masked._embed(
        {
            "token_ids": ids[np.newaxis],
            "segment_ids": np.zeros_like(ids[np.newaxis]),
            "padding_mask": np.ones_like(ids[np.newaxis]),
        }
    ).numpy()
    step = 1e-2
    values = []
    for factor in (1 + step, 1 - step):
        scaled = states.copy()
        scaled[:, word.first : word.stop] *= factor
        values.append(
            float(masked._margins_of_states(tf.constant(scaled), 1)[0])
        )
    slope = (values[0] - values[1]) / (2 * step)
    np.testing.assert_allclose(products[3], slope, rtol=0.02, atol=1e-4)
