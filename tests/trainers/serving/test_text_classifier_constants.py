"""A parity test that cannot fail proves nothing: wrong constants are seen."""

import numpy as np
import pytest

from tests.support import parity
from trainers.serving import text_classifier

# Of two scalers; one by default, both at length.
RUNS = pytest.mark.parametrize(
    "num_classes", [pytest.param(2, marks=pytest.mark.slow), 3]
)


def constants(model):
    """The fitted constants between stack and slice, by name."""
    drawing = model.parts.drawing
    features = model.parts.model.get_layer("features")
    code = features.get_layer("autoencoder_linear")
    return {
        **{
            name: getattr(drawing.get_layer("scaling"), name)
            for name in ("minimum", "maximum", "shift", "inverse_width")
        },
        "share": drawing.get_layer("averaging").share,
        "pixel": drawing.get_layer("averaging").pixel,
        "mean": code.maps_mean,
        "kernel": code.kernel,
    }


@pytest.mark.slow
@RUNS
@pytest.mark.parametrize(
    "name",
    [
        "minimum",
        "maximum",
        "shift",
        "inverse_width",
        "share",
        "pixel",
        "mean",
        "kernel",
    ],
)
def test_a_constant_one_percent_off_breaks_parity(
    trained, reloaded, num_classes, name
):
    model = reloaded[num_classes]
    texts = trained[num_classes].sample[:40]
    reference = parity.answer(model.serving_default, texts)
    variable = constants(model)[name]
    right = variable.numpy()
    mutants = [1.01 * right, 0.99 * right]  # a looser limit limits nothing
    if name == "pixel":
        moved = right.copy()
        moved[:: len(moved)] = (moved[:: len(moved)] + 1) % (12 * 14)
        mutants = [moved]  # one of 48 features, a pixel to the right
    broken = []
    try:
        for mutant in mutants:
            variable.assign(mutant.astype(right.dtype))
            try:
                parity.assert_parity(
                    parity.answer(model.serving_default, texts), reference
                )
            except AssertionError:
                broken.append(mutant)
    finally:
        variable.assign(right)
    assert broken
    parity.assert_parity(parity.answer(model.serving_default, texts), reference)


@RUNS
def test_every_feature_counts(trained, reloaded, num_classes):
    model = reloaded[num_classes]
    texts = trained[num_classes].sample[:40]
    reference = parity.answer(model.render, texts, "text")["image"]
    averaging = model.parts.drawing.get_layer("averaging")
    occupied = np.unique(averaging.pixel.numpy())
    for name in ("shift", "inverse_width", "share"):
        variable = constants(model)[name]
        right = variable.numpy()
        variable.assign(1.01 * right)
        image = parity.answer(model.render, texts)["image"]
        variable.assign(right)
        change = np.abs(image - reference).max(axis=0).ravel()
        assert (change[occupied] > parity.TOLERANCE).all(), name


@pytest.mark.parametrize("constant", ["_scale", "_offset"])
@pytest.mark.parametrize("channel", [0, 1, 2])
def test_normalisation_one_percent_off_breaks_parity(
    reloaded, monkeypatch, rng, constant, channel
):
    images = rng.uniform(0, 1, (6, 12, 14, 1)).astype(np.float32)
    images[3:] *= 1e-4
    model = reloaded[3]
    reference = parity.answer(model.images, images, "image")
    features = model.parts.model.get_layer("features")
    layer = features.get_layer("slice_input")
    values = list(getattr(layer, constant))
    values[channel] *= 1.01
    monkeypatch.setattr(layer, constant, values)
    mutant = text_classifier.TextClassifier(model.parts)
    answers = parity.answer(mutant.images, images, "image")
    change = np.abs(answers["probabilities"] - reference["probabilities"])
    assert change.max() > parity.TOLERANCE
