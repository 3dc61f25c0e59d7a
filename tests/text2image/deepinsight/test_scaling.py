"""Scalers: independent formulas, finite for every finite row."""

import pathlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from text2image import options
from text2image.deepinsight import scaling, statistics

GOLDEN = pathlib.Path(__file__).parents[2] / "golden"
# One float32 rounding of values in [0, 1] is 6e-8; a scaler makes a handful
# of them, on values of the order of 10.
ATOL = 2e-6


def fitted(kind, train):
    stats = statistics.FeatureStatistics.empty(train.shape[1])
    stats.update(train)
    return scaling.fit_scaler(kind, stats)


def norm1(train, rows):
    low, high = train.min(axis=0), train.max(axis=0)
    return np.clip((rows - low) / (high - low), 0, 1)


def norm2(train, rows):
    low, high = train.min(axis=0), train.max(axis=0)
    greatest = np.log(train + np.abs(low) + 1).max()
    return np.log(np.clip(rows, low, high) + np.abs(low) + 1) / greatest


def standard(train, rows):
    z = (rows - train.mean(axis=0)) / train.std(axis=0)
    # The clip to the train range comes first.
    low, high = train.min(axis=0), train.max(axis=0)
    z = np.clip(
        z,
        (low - train.mean(axis=0)) / train.std(axis=0),
        (high - train.mean(axis=0)) / train.std(axis=0),
    )
    return np.clip((z + 3) / 6, 0, 1)


@pytest.mark.parametrize("offset", [0.0, 5.0, -5.0])
@pytest.mark.parametrize("formula", [norm1, norm2, standard])
def test_a_scaler_equals_its_formula(rng, formula, offset):
    train = rng.normal(size=(40, 6)) + offset
    unseen = 3 * rng.normal(size=(20, 6)) + offset
    train, unseen = (a.astype(np.float32) for a in (train, unseen))
    scaler = fitted(formula.__name__, train)
    for rows in (train, unseen):
        expected = formula(train.astype(np.float64), rows.astype(np.float64))
        scaled = scaler.transform(rows)
        assert scaled.dtype == np.float32
        np.testing.assert_allclose(scaled, expected, rtol=0, atol=ATOL)


@pytest.mark.parametrize("cloud", ["slanted", "ragged", "three", "closing"])
def test_norm2_equals_pydeepinsight_on_train_rows(cloud):
    with np.load(GOLDEN / "deepinsight.npz") as golden:
        train = golden[f"{cloud}/train"]
        expected = golden[f"{cloud}/norm2_train"]
    scaled = fitted("norm2", train).transform(train)
    np.testing.assert_allclose(scaled, expected, rtol=0, atol=ATOL)


@pytest.mark.parametrize("cloud", ["slanted", "ragged", "three", "closing"])
def test_norm2_equals_pydeepinsight_on_unseen_rows_in_range(cloud):
    with np.load(GOLDEN / "deepinsight.npz") as golden:
        train = golden[f"{cloud}/train"]
        unseen = golden[f"{cloud}/unseen"]
        expected = golden[f"{cloud}/norm2_unseen"]
    scaled = fitted("norm2", train).transform(unseen)
    # Outside its train range a value is clipped here and not there.
    inside = (unseen >= train.min(axis=0)) & (unseen <= train.max(axis=0))
    assert inside.any()
    np.testing.assert_allclose(
        scaled[inside], expected[inside], rtol=0, atol=ATOL
    )


FINITE = st.floats(-(2.0**100), 2.0**100, width=32)


@pytest.mark.parametrize("kind", options.SCALERS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_finite_row_is_scaled_to_the_unit_interval(kind, data):
    train = data.draw(hnp.arrays(np.float32, (4, 3), elements=FINITE))
    constant = data.draw(FINITE)
    train[:, 1] = constant
    unseen = data.draw(hnp.arrays(np.float32, (3, 3), elements=FINITE))
    scaler = fitted(kind, train)
    for rows in (train, unseen):
        scaled = scaler.transform(rows)
        assert np.isfinite(scaled).all()
        assert (scaled >= 0).all()
        assert (scaled <= 1).all()


@pytest.mark.parametrize("kind", options.SCALERS)
def test_unseen_rows_far_outside_are_finite(kind, rng):
    train = rng.normal(size=(30, 4)).astype(np.float32)
    scaler = fitted(kind, train)
    largest = np.finfo(np.float32).max
    for value in (-1e3, 1e3, -largest, largest):
        scaled = scaler.transform(np.full((1, 4), value, np.float32))
        assert np.isfinite(scaled).all()


@pytest.mark.parametrize("kind", options.SCALERS)
@pytest.mark.parametrize("value", [0.0, 0.1, -7.3, 1e-30, 12345.678])
def test_a_constant_feature_becomes_a_constant(kind, value, rng):
    train = rng.normal(size=(20, 3)).astype(np.float32)
    train[:, 1] = value
    scaler = fitted(kind, train)
    unseen = 100 * rng.normal(size=(9, 3)).astype(np.float32)
    column = scaler.transform(np.concatenate([train, unseen]))[:, 1]
    assert len(np.unique(column)) == 1


@pytest.mark.parametrize("kind", ["norm1", "standard"])
def test_constant_features_have_inverse_width_zero(kind):
    scaler = fitted(kind, np.full((5, 2), 0.1, np.float32))
    np.testing.assert_array_equal(scaler.transform(np.ones((1, 2))), 0.0)


def test_norm2_of_all_zeros_is_zero():
    scaler = fitted("norm2", np.zeros((5, 2), np.float32))
    np.testing.assert_array_equal(scaler.transform(np.ones((1, 2))), 0.0)


def test_norm1_train_rows_touch_both_ends(rng):
    train = rng.normal(size=(30, 5)).astype(np.float32)
    scaled = fitted("norm1", train).transform(train)
    np.testing.assert_array_equal(scaled.min(axis=0), 0.0)
    # (max - min) * (1 / (max - min)) in float32: one unit below 1 at most.
    np.testing.assert_allclose(scaled.max(axis=0), 1.0, rtol=0, atol=2e-7)


@pytest.mark.parametrize("kind", options.SCALERS)
def test_fitting_twice_gives_the_same_scaler(kind, rng):
    train = rng.normal(size=(30, 5)).astype(np.float32)
    one, other = fitted(kind, train), fitted(kind, train)
    np.testing.assert_array_equal(one.transform(train), other.transform(train))


def test_norm1_of_norm1_changes_nothing(rng):
    train = rng.normal(size=(30, 5)).astype(np.float32)
    once = fitted("norm1", train).transform(train)
    twice = fitted("norm1", once).transform(once)
    # Its range is [0, 1] up to one float32 rounding.
    np.testing.assert_allclose(twice, once, rtol=0, atol=5e-7)


@pytest.mark.parametrize("kind", options.SCALERS)
def test_rows_are_scaled_independently(kind, rng):
    train = rng.normal(size=(30, 5)).astype(np.float32)
    scaler = fitted(kind, train)
    together = scaler.transform(train)
    alone = np.concatenate([scaler.transform(row[None]) for row in train])
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("kind", options.SCALERS)
def test_a_scaler_is_restored_from_its_arrays(kind, rng):
    train = rng.normal(size=(30, 5)).astype(np.float32)
    scaler = fitted(kind, train)
    again = scaling.Scaler.from_arrays(scaler.to_arrays())
    assert again.kind == kind
    np.testing.assert_array_equal(
        again.transform(train), scaler.transform(train)
    )


def test_rows_are_not_modified(rng):
    rows = rng.normal(size=(6, 3)).astype(np.float32)
    before = rows.copy()
    fitted("norm1", rows).transform(rows)
    np.testing.assert_array_equal(rows, before)


def test_an_unknown_kind_is_refused():
    stats = statistics.FeatureStatistics.empty(2)
    with pytest.raises(ValueError, match="Received: 'norm3'"):
        scaling.fit_scaler("norm3", stats)


def test_a_scaler_of_no_rows_is_refused():
    with pytest.raises(ValueError, match="at least one train row"):
        scaling.fit_scaler("norm1", statistics.FeatureStatistics.empty(2))


@pytest.mark.parametrize("shape", [(4,), (2, 3), (2, 2, 2)])
def test_rows_with_a_different_width_are_refused(shape, rng):
    scaler = fitted("norm1", rng.normal(size=(5, 4)))
    with pytest.raises(ValueError, match=r"must be \(N, 4\)"):
        scaler.transform(np.zeros(shape))


@pytest.mark.parametrize("kind", options.SCALERS)
def test_nan_is_refused(kind, rng):
    scaler = fitted(kind, rng.normal(size=(5, 2)))
    with pytest.raises(ValueError, match="row 1"):
        scaler.transform(np.array([[0.0, 0.0], [0.0, np.nan]]))


@pytest.mark.parametrize("kind", options.SCALERS)
@pytest.mark.parametrize(
    "column", [(0.0, 1e-45), (1e-45, 3e-44), (-(2.0**24), -(2.0**24))]
)
def test_ranges_at_the_limits_of_float32_give_finite_values(kind, column):
    train = np.array([column, column], np.float32).T
    with np.errstate(all="raise", under="ignore"):
        scaled = fitted(kind, train).transform(train)
    assert np.isfinite(scaled).all()
