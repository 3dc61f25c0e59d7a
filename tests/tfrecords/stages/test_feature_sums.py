"""Sums by groups of shards: exact, and whoever adds them up."""

import numpy as np
import pytest
import threadpoolctl

from text2image.deepinsight.statistics import FeatureStatistics, GramMatrix

FEATURES = 70


@pytest.fixture
def rows(rng):
    return rng.uniform(size=(3000, FEATURES)).astype(np.float32)


def gram_of(rows, origin):
    gram = GramMatrix(origin)
    for start in range(0, len(rows), 1024):
        gram.update(rows[start : start + 1024])
    return gram


def test_merged_statistics_are_those_of_all_rows(rows):
    merged = FeatureStatistics.empty(FEATURES)
    for part in np.array_split(rows, 3):
        stats = FeatureStatistics.empty(FEATURES)
        stats.update(part)
        merged.merge(FeatureStatistics.from_arrays(stats.to_arrays()))
    assert merged.count == len(rows)
    np.testing.assert_array_equal(merged.minimum, rows.min(axis=0))
    np.testing.assert_array_equal(merged.maximum, rows.max(axis=0))
    doubles = rows.astype(np.float64)
    np.testing.assert_allclose(merged.total, doubles.sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(
        merged.squares, (doubles**2).sum(axis=0), rtol=1e-12
    )


def test_a_row_that_is_not_finite_is_counted_from_the_first_of_all(rows):
    rows[7, 3] = np.nan
    stats = FeatureStatistics.empty(FEATURES)
    with pytest.raises(ValueError, match="row 2007"):
        stats.update(rows, first_row=2000)


def test_a_merged_matrix_is_that_of_all_rows(rows):
    origin = rows.mean(axis=0)
    merged = GramMatrix(origin)
    for part in np.array_split(rows, 4):
        merged.merge(gram_of(part, origin).to_arrays())
    doubles = rows.astype(np.float64)
    np.testing.assert_allclose(
        merged.matrix(), doubles.T @ doubles, rtol=0, atol=1e-7 * len(rows)
    )


def test_one_group_merged_has_the_bits_of_the_rows_alone(rows):
    origin = rows.mean(axis=0)
    merged = GramMatrix(origin)
    merged.merge(gram_of(rows, origin).to_arrays())
    np.testing.assert_array_equal(
        merged.matrix(), gram_of(rows, origin).matrix()
    )


def test_threads_change_no_bit(rows):
    origin = rows.mean(axis=0)
    found = set()
    for threads in (1, 2, 3):
        with threadpoolctl.threadpool_limits(threads, "blas"):
            found.add(gram_of(rows, origin).matrix().tobytes())
    assert len(found) == 1
