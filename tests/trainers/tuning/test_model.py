"""The recipe of the tuning, beside formulas and numpy."""

import keras
import numpy as np
import pytest

from text2image.bert import checkpoint
from trainers.tuning import model


@pytest.mark.parametrize("num_steps", [1, 7, 50, 1000])
def test_the_rate_rises_for_a_tenth_and_falls_to_almost_zero(num_steps):
    schedule = model.LinearSchedule(2.0, num_steps)
    rates = np.array([float(schedule(step)) for step in range(num_steps)])
    warm_up = max(1, round(num_steps / 10))
    expected = np.interp(
        np.arange(1, num_steps + 1),
        [0, warm_up, num_steps + 1],
        [0.0, 2.0, 0.0],
    )
    np.testing.assert_allclose(rates, expected, rtol=1e-5)
    assert (rates > 0).all()


def test_rates_fall_by_a_twentieth_per_layer():
    paths = ["tuning_head/kernel", "transformer_layer_7/attention/bias"]
    paths += ["transformer_layer_0/ffn/kernel", "token_embedding/embeddings"]
    assert [model.layer_factor(path, 8) for path in paths] == pytest.approx(
        [1, 1, 0.95**7, 0.95**8]
    )


def test_a_step_is_that_of_adamw():
    rng = np.random.default_rng(0)
    start = rng.normal(size=(4, 3)).astype(np.float32)
    with keras.name_scope("transformer_layer_1"):
        variable = keras.Variable(start, name="kernel")
    optimizer = model.LayerwiseAdamW(0.01, 20, num_layers=3)
    optimizer.build([variable])
    factor = model.layer_factor(variable.path, 3)
    mean = variance = np.zeros_like(start)
    expected = start.astype(np.float64)
    for step in range(1, 6):
        gradient = 5 * rng.normal(size=start.shape).astype(np.float32)
        optimizer.apply([gradient], [variable])
        rate = float(model.LinearSchedule(0.01, 20)(step - 1))
        clipped = gradient / max(1.0, np.linalg.norm(gradient))
        expected -= 0.01 * rate * expected
        mean = 0.9 * mean + 0.1 * clipped
        variance = 0.999 * variance + 0.001 * clipped**2
        # Kingma and Ba 2014, arXiv 1412.6980, end of section 2.
        rate *= factor * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        expected -= rate * mean / (np.sqrt(variance) + 1e-6)
    np.testing.assert_allclose(variable, expected, rtol=1e-4)


def test_without_dropout_it_is_the_encoder_with_a_head(tiny_bert):
    frozen = checkpoint.load_checkpoint(tiny_bert).backbone
    backbone, tuned = model.build_model(frozen, [4, 6, 7], 2)
    ids = np.array([[2, 7, 9, 30, 3]], np.int32)
    values = {
        "token_ids": ids,
        "segment_ids": np.zeros_like(ids),
        "padding_mask": np.ones_like(ids),
    }
    np.testing.assert_array_equal(
        backbone(values)["sequence_output"], frozen(values)["sequence_output"]
    )
    first, second = (np.array(tuned(values, training=True)) for _ in range(2))
    assert (first != second).any()  # dropout
    np.testing.assert_array_equal(
        tuned(values, training=False), tuned(values, training=False)
    )
