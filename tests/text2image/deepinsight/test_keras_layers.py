"""Keras layers against the numpy renderer they stand in for."""

import keras
import numpy as np
import pytest

from text2image import options
from text2image.deepinsight import (
    geometry,
    keras_layers,
    pixel_map,
    render,
    scaling,
    statistics,
)

L, D = 3, 40
F = L * D
H, W = 6, 9
# Scaled features are at most 1 and a pixel is their mean: float32 holds such
# a number to 6e-8, and numpy and TensorFlow may differ in a logarithm's last
# bits.
TOLERANCE = 1e-6


def fitted_map(kind, rng, *, magnitude=3.0, **settings):
    rows = rng.normal(rng.normal(0, magnitude, F), 1.0, (50, F))
    rows[:, 5] = -2.5  # a constant feature
    stats = statistics.FeatureStatistics.empty(F)
    stats.update(rows)
    scaler = scaling.fit_scaler(kind, stats)
    # Sums of few points: pixels of many features, and many empty ones.
    points = rng.integers(0, 6, (F, 2)).astype(float)
    return rows, pixel_map.fit_pixel_map(points, (H, W), scaler, **settings)


@pytest.mark.parametrize("kind", options.SCALERS)
@pytest.mark.parametrize("magnitude", [0.0, 3.0, 1e3])
def test_the_model_draws_the_same_images_as_the_renderer(kind, magnitude, rng):
    rows, fitted = fitted_map(kind, rng, magnitude=magnitude)
    assert (fitted.density() == 0).any()
    assert fitted.density().max() > 1
    unseen = np.concatenate(
        [rows, 10 * rows, -rows, np.zeros((1, F)), np.full((1, F), 1e30)]
    ).astype(np.float32)
    stacks = unseen.reshape(-1, L, D)
    drawn = keras_layers.build_drawing(fitted, (L, D)).predict_on_batch(stacks)
    expected = render.Renderer(fitted).render(stacks)
    assert drawn.shape == (len(stacks), H, W, 1)
    assert drawn.dtype == np.float32
    np.testing.assert_allclose(drawn, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("fill", options.FILLS)
@pytest.mark.parametrize("assignment", geometry.ASSIGNMENTS)
def test_model_and_renderer_agree_for_all_channels_and_fills(
    assignment, fill, rng
):
    rows, fitted = fitted_map(
        "norm1",
        rng,
        channel=np.arange(F) % 3,
        assignment=assignment,
        fill=fill,
    )
    stacks = rows.reshape(-1, L, D).astype(np.float32)
    drawing = keras_layers.build_drawing(fitted, (L, D))
    again = keras.Model.from_config(drawing.get_config())
    again.set_weights(drawing.get_weights())
    expected = render.Renderer(fitted).render(stacks)
    assert expected.shape == (len(rows), H, W, 3)
    blank = (expected.max(axis=0) == 0).mean()  # one feature is constant
    assert blank < 0.1 if fill == "nearest" else blank > 0.1
    for model in (drawing, again):
        np.testing.assert_allclose(
            model.predict_on_batch(stacks), expected, rtol=0, atol=TOLERANCE
        )


def test_no_stacks_give_no_images(rng):
    _, fitted = fitted_map("norm1", rng)
    drawing = keras_layers.build_drawing(fitted, (L, D))
    assert drawing(np.empty((0, L, D), np.float32)).shape == (0, H, W, 1)


@pytest.mark.parametrize("kind", options.SCALERS)
def test_a_model_is_restored_from_config_and_weights(kind, rng):
    rows, fitted = fitted_map(kind, rng)
    drawing = keras_layers.build_drawing(fitted, (L, D))
    again = keras.Model.from_config(drawing.get_config())
    again.set_weights(drawing.get_weights())
    stacks = rows.reshape(-1, L, D).astype(np.float32)
    np.testing.assert_array_equal(
        again.predict_on_batch(stacks), drawing.predict_on_batch(stacks)
    )


def test_no_weight_is_trainable(rng):
    _, fitted = fitted_map("norm2", rng)
    drawing = keras_layers.build_drawing(fitted, (L, D))
    assert not drawing.trainable_variables
    assert len(drawing.variables) == 6


def test_a_different_number_of_features_is_refused(rng):
    _, fitted = fitted_map("norm1", rng)
    with pytest.raises(ValueError, match=r"takes 120 features.*\(2, 40\), 80"):
        keras_layers.build_drawing(fitted, (2, D))
