"""One streaming pass gathers what a scaler and a map need."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from text2image.deepinsight import statistics

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
    # at most 12 squares of size 1e4.
    np.testing.assert_allclose(one.total, other.total, rtol=0, atol=1e-8)
    np.testing.assert_allclose(one.squares, other.squares, rtol=0, atol=1e-8)


@settings(max_examples=40, deadline=None)
@given(rows=ROWS, cut=st.integers(0, 12))
def test_batch_boundaries_do_not_matter(rows, cut):
    stats = gathered(rows[:cut])
    stats.update(rows[cut:])
    assert_same(stats, gathered(rows))


def test_statistics_equal_numpys(rng):
    rows = rng.normal(size=(50, 7)).astype(np.float32)
    stats = gathered(rows)
    exact = rows.astype(np.float64)
    assert stats.count == 50
    np.testing.assert_array_equal(stats.minimum, exact.min(axis=0))
    np.testing.assert_array_equal(stats.maximum, exact.max(axis=0))
    # Float64 rounding of sums of 50 values of the order of 1.
    np.testing.assert_allclose(stats.total, exact.sum(axis=0), atol=1e-12)
    np.testing.assert_allclose(
        stats.squares, (exact**2).sum(axis=0), atol=1e-12
    )


def gram_of(rows, origin=None, batch=300):
    origin = rows.mean(axis=0) if origin is None else origin
    gram = statistics.GramMatrix(origin)
    for start in range(0, len(rows), batch):
        gram.update(rows[start : start + batch])
    return gram.matrix()


# Below and above the number of rows at which doubles take the sums over.
@pytest.mark.parametrize("count", [1, 50, 20_000])
@pytest.mark.parametrize("origin", [0.0, 0.5, None])
def test_the_gram_matrix_equals_numpys_in_doubles(rng, count, origin):
    rows = rng.random((count, 7), np.float32)
    if origin is not None:
        origin = np.full(7, origin)
    exact = rows.astype(np.float64)
    gram = gram_of(rows, origin)
    assert gram.dtype == np.float64
    # Float32 sums of products up to 1.
    np.testing.assert_allclose(gram, exact.T @ exact, rtol=0, atol=1e-6 * count)
    np.testing.assert_array_equal(gram, gram.T)


def test_an_origin_near_the_mean_keeps_small_distances(rng):
    rows = 0.9 + 1e-3 * rng.random((5000, 6), np.float32)
    exact = rows.astype(np.float64)
    distance = ((exact[:, 0] - exact[:, 1]) ** 2).sum()
    near, far = gram_of(rows), gram_of(rows, np.zeros(6))
    errors = [
        abs(g[0, 0] + g[1, 1] - 2 * g[0, 1] - distance) / distance
        for g in (near, far)
    ]
    assert errors[0] < 1e-4 < errors[1]


def test_the_gram_matrix_of_no_rows_is_zero():
    gram = statistics.GramMatrix(np.full(3, 0.5))
    gram.update(np.zeros((0, 3), np.float32))
    np.testing.assert_array_equal(gram.matrix(), np.zeros((3, 3)))


def test_the_gram_matrix_can_be_read_between_updates(rng):
    rows = rng.random((9, 4), np.float32)
    gram = statistics.GramMatrix(np.full(4, 0.5))
    gram.update(rows[:5])
    gram.matrix()
    gram.update(rows[5:])
    exact = rows.astype(np.float64)
    np.testing.assert_allclose(gram.matrix(), exact.T @ exact, atol=1e-5)


def test_the_gram_matrix_refuses_rows_with_a_different_width():
    gram = statistics.GramMatrix(np.zeros(3))
    with pytest.raises(ValueError, match=r"`rows` must be \(n, 3\)"):
        gram.update(np.zeros((2, 4)))


def test_rows_are_not_modified(rng):
    rows = rng.normal(size=(4, 3))
    before = rows.copy()
    gathered(rows)
    np.testing.assert_array_equal(rows, before)


def test_float16_rows_do_not_overflow():
    stats = gathered(np.full((3, 2), 60000, np.float16))
    np.testing.assert_array_equal(stats.total, 180000.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_non_finite_value_is_refused_with_its_row(bad):
    stats = gathered(np.zeros((10, 3)))
    rows = np.zeros((4, 3))
    rows[2, 1] = bad
    with pytest.raises(ValueError, match=r"row 12\b"):
        stats.update(rows)
    assert stats.count == 10, "a refused batch must not change the statistics"


@pytest.mark.parametrize("shape", [(3,), (2, 4), (2, 3, 1)])
def test_rows_with_a_different_shape_are_refused(shape):
    stats = statistics.FeatureStatistics.empty(3)
    with pytest.raises(ValueError, match=r"`rows` must be \(n, 3\)"):
        stats.update(np.zeros(shape))
