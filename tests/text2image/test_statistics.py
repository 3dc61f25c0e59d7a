"""One streaming pass gathers what a scaler and a map need."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from text2image import statistics

ROWS = hnp.arrays(
    np.float32,
    st.tuples(st.integers(0, 12), st.just(5)),
    elements=st.floats(-100, 100, width=32),
)


def gathered(rows):
    stats = statistics.FeatureStatistics.empty(rows.shape[1])
    stats.update(rows)
    return stats


def assert_same(one, other):
    assert one.count == other.count
    # Extremes are copied, never computed.
    np.testing.assert_array_equal(one.minimum, other.minimum)
    np.testing.assert_array_equal(one.maximum, other.maximum)
    # Float64 sums in another order: a few units in the last place of sums of
    # at most 24 products of size 1e4.
    np.testing.assert_allclose(one.total, other.total, rtol=0, atol=1e-8)
    np.testing.assert_allclose(
        one.gram_matrix(), other.gram_matrix(), rtol=0, atol=1e-8
    )


@settings(max_examples=40, deadline=None)
@given(first=ROWS, second=ROWS)
def test_merged_parts_equal_one_pass(first, second):
    merged = gathered(first)
    merged.merge(gathered(second))
    assert_same(merged, gathered(np.concatenate([first, second])))


@settings(max_examples=40, deadline=None)
@given(rows=ROWS, cut=st.integers(0, 12))
def test_batch_boundaries_do_not_matter(rows, cut):
    stats = gathered(rows[:cut])
    stats.update(rows[cut:])
    assert_same(stats, gathered(rows))


def test_statistics_are_what_numpy_says(rng):
    rows = rng.normal(size=(50, 7)).astype(np.float32)
    stats = gathered(rows)
    exact = rows.astype(np.float64)
    assert stats.count == 50
    np.testing.assert_array_equal(stats.minimum, exact.min(axis=0))
    np.testing.assert_array_equal(stats.maximum, exact.max(axis=0))
    # Float64 rounding of sums of 50 values of the order of 1.
    np.testing.assert_allclose(stats.total, exact.sum(axis=0), atol=1e-12)
    np.testing.assert_allclose(
        stats.gram_matrix(), exact.T @ exact, rtol=0, atol=1e-12
    )


def test_gram_matrix_is_exactly_symmetric(rng):
    gram = gathered(rng.normal(size=(9, 6))).gram_matrix()
    np.testing.assert_array_equal(gram, gram.T)


def test_size_does_not_grow_with_the_rows(rng):
    stats = gathered(rng.normal(size=(2, 4)))
    gram = stats.gram
    for _ in range(5):
        stats.update(rng.normal(size=(300, 4)))
    assert stats.gram is gram or stats.gram.shape == gram.shape
    assert stats.count == 1502


def test_caller_keeps_its_rows(rng):
    rows = rng.normal(size=(4, 3))
    before = rows.copy()
    gathered(rows)
    np.testing.assert_array_equal(rows, before)


def test_float16_rows_do_not_overflow():
    stats = gathered(np.full((3, 2), 60000, np.float16))
    np.testing.assert_array_equal(stats.total, 180000.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_value_names_the_row_ever_seen(bad):
    stats = gathered(np.zeros((10, 3)))
    rows = np.zeros((4, 3))
    rows[2, 1] = bad
    with pytest.raises(ValueError, match=r"row 12\b"):
        stats.update(rows)
    assert stats.count == 10, "a refused batch must leave nothing behind"


@pytest.mark.parametrize("shape", [(3,), (2, 4), (2, 3, 1)])
def test_rows_of_another_shape_are_refused(shape):
    stats = statistics.FeatureStatistics.empty(3)
    with pytest.raises(ValueError, match=r"`rows` must be \(n, 3\)"):
        stats.update(np.zeros(shape))
