"""Figures by group: by hand, by the formula, by another resampling."""

import math

import numpy as np
import pytest

from trainers.training import group_figures
from trainers.training.group_figures import Share
from trainers.training.metrics import calibration_error

# a: four texts, one of each class wrong; b: one text, right.
GROUPS = ("a", "b", "a", "a", "a")
LABELS = np.array([0, 1, 0, 1, 1])
PROBABILITIES = np.array(
    [[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.3, 0.7], [0.8, 0.2]]
)


def test_figures_are_those_of_the_texts_of_a_group():
    a, b = group_figures.by_group(GROUPS, LABELS, PROBABILITIES)
    assert (a.name, b.name) == ("a", "b")
    assert (a.accuracy, b.accuracy) == (Share(2, 4), Share(1, 1))
    assert a.missed == (Share(1, 2), Share(1, 2))
    assert a.raised == (Share(1, 2), Share(1, 2))
    assert b.missed == (Share(0, 0), Share(0, 1))
    assert b.raised == (Share(0, 1), Share(0, 0))
    rows = [0, 2, 3, 4]
    assert a.calibration_error == calibration_error(
        PROBABILITIES[rows], LABELS[rows]
    )
    assert a.is_small
    assert math.isnan(b.missed[0].value)
    assert all(
        map(math.isnan, (*b.missed[0].interval, *b.calibration_interval))
    )


@pytest.mark.parametrize(("hits", "of"), [(0, 7), (3, 10), (50, 50), (1, 900)])
def test_the_interval_of_a_share_is_wilsons(hits, of):
    z, share = 1.959963984540054, hits / of
    middle = (share + z**2 / (2 * of)) / (1 + z**2 / of)
    half = math.sqrt(share * (1 - share) / of + (z / (2 * of)) ** 2)
    half *= z / (1 + z**2 / of)
    expected = max(middle - half, 0), min(middle + half, 1)
    assert Share(hits, of).interval == pytest.approx(expected, abs=1e-12)


def test_the_interval_of_the_calibration_error_is_of_resamples(rng):
    labels = rng.integers(0, 3, 200)
    probabilities = rng.dirichlet((1, 1, 1), 200)
    groups = ["x"] * 80 + ["y"] * 120
    found = {
        each.name: each.calibration_interval
        for each in group_figures.by_group(groups, labels, probabilities)
    }
    alone = group_figures.by_group(groups[:80], labels[:80], probabilities[:80])
    assert alone[0].calibration_interval == found["x"]
    resampled = [
        calibration_error(probabilities[80:][rows], labels[80:][rows])
        for rows in rng.integers(0, 120, (1000, 120))
    ]
    # Percentiles of 1,000 values that deviate by 0.03 vary by about 0.003.
    error = calibration_error(probabilities[80:], labels[80:])
    expected = np.percentile(resampled, [2.5, 97.5])
    expected += error - np.mean(resampled)
    assert found["y"] == pytest.approx(expected, abs=0.012)


def test_the_interval_of_a_calibrated_model_holds_its_error():
    # Resamples are hardly ever as well calibrated as these texts.
    shares = np.array([0.55, 0.65, 0.75, 0.85, 0.95])
    probabilities = np.repeat(
        np.stack([shares, 1 - shares], axis=1), 20, axis=0
    )
    labels = np.concatenate(
        [np.arange(20) >= right for right in (11, 13, 15, 17, 19)]
    ).astype(int)
    (group,) = group_figures.by_group(["x"] * 100, labels, probabilities)
    low, high = group.calibration_interval
    assert low <= group.calibration_error + 1e-9 < high
