"""Effective rank of known spectra; repeated maps are found."""

import numpy as np
import pytest

from trainers.shift import redundancy


def of(maps):
    moments = redundancy.Moments(maps.shape[-1])
    for batch in np.array_split(maps, 2):
        moments.add(batch)
    return redundancy.redundancy(moments.covariance())


@pytest.mark.parametrize(
    ("values", "rank"),
    [
        ([2.0, 2.0, 2.0], 3),
        ([5.0, 0.0, 0.0], 1),
        ([1.0, 1.0, 0.0], 2),
        # -(3/4 ln 3/4 + 1/4 ln 1/4) = ln 4 - 3/4 ln 3
        ([3.0, 1.0], 4 / 3**0.75),
    ],
)
def test_the_effective_rank_of_known_singular_values(values, rank):
    found = redundancy.effective_rank(np.array(values))
    assert found == pytest.approx(rank, rel=1e-12)


def test_the_covariance_is_numpys(rng):
    maps = rng.normal(3, size=(5, 4, 4, 3))
    moments = redundancy.Moments(3)
    for batch in np.array_split(maps, 3):
        moments.add(batch)
    expected = np.cov(maps.reshape(-1, 3).T, bias=True)
    np.testing.assert_allclose(moments.covariance(), expected, rtol=1e-9)


def test_a_repeated_map_is_found_whatever_its_scale(rng):
    maps = rng.normal(size=(40, 8, 8, 4))
    maps[..., 3] = 5 - 2 * maps[..., 0]
    found = of(maps)
    assert found.num_varying == 4
    assert found.twins == 0.5
    # exp of the entropy of sqrt(2), 1 and 1; 2,560 positions.
    assert found.effective_rank == pytest.approx(2.958, abs=0.02)
    assert found.mean_correlation == pytest.approx(1 / 6, abs=0.05)


def test_constant_maps_are_left_out(rng):
    maps = rng.normal(size=(40, 8, 8, 3))
    maps[..., 1] = 0.1
    found = of(maps)
    assert found.num_varying == 2
    assert found.effective_rank == pytest.approx(2, abs=0.01)
    assert of(np.ones((2, 2, 2, 3))).num_varying == 0
