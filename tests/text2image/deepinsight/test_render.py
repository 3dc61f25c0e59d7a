"""Rows to images: parity with pyDeepInsight, and averages."""

import pathlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from text2image import options
from text2image.deepinsight import pixel_map, render, scaling, statistics

GOLDEN = pathlib.Path(__file__).parents[2] / "golden"


def fit(train, points, shape, *, compat=False, kind="norm1"):
    stats = statistics.FeatureStatistics.empty(train.shape[1])
    stats.update(train)
    return pixel_map.fit_pixel_map(
        points, shape, scaling.fit_scaler(kind, stats), compat=compat
    )


@pytest.mark.parametrize("shape", ["12x12", "9x20", "20x9"])
@pytest.mark.parametrize("cloud", ["slanted", "ragged", "three", "closing"])
def test_compat_images_equal_pydeepinsights(cloud, shape):
    with np.load(GOLDEN / "deepinsight.npz") as golden:
        points, train, unseen = (
            golden[f"{cloud}/{name}"] for name in ("points", "train", "unseen")
        )
        expected = golden[f"{cloud}/{shape}/images_0"]
    height, width = map(int, shape.split("x"))
    fitted = fit(train, points, (height, width), compat=True)
    images = render.Renderer(fitted).render(unseen)
    assert images.shape == (len(unseen), height, width, 1)
    assert images.dtype == np.float32
    # The reference computes in float64: a handful of float32 roundings of
    # values in [0, 1].
    np.testing.assert_allclose(images[..., 0], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", options.SCALERS)
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6)),
)
def test_a_shared_pixel_is_the_mean_of_its_features(kind, seed, shape):
    rng = np.random.default_rng(seed)
    train = rng.normal(size=(9, 20)).astype(np.float32)
    rows = 2 * rng.normal(size=(5, 20)).astype(np.float32)
    fitted = fit(train, rng.normal(size=(20, 2)), shape, kind=kind)
    images = render.Renderer(fitted).render(rows)[..., 0]
    scaled = fitted.scaler.transform(rows)
    # Float32 rounding of a mean of at most 20 values in [0, 1].
    slack = 1e-6
    for row, column in {tuple(pixel) for pixel in fitted.coords.tolist()}:
        members = scaled[:, (fitted.coords == (row, column)).all(axis=1)]
        drawn = images[:, row, column]
        assert (drawn >= members.min(axis=1) - slack).all()
        assert (drawn <= members.max(axis=1) + slack).all()
        np.testing.assert_allclose(drawn, members.mean(axis=1), atol=slack)
    assert (images >= 0).all()
    assert (images <= 1 + slack).all()


@pytest.fixture
def fitted(rng):
    train = rng.normal(size=(9, 12)).astype(np.float32)
    return fit(train, rng.normal(size=(12, 2)), (4, 7))


def test_stacks_are_rows_layer_by_layer(fitted, rng):
    stacks = rng.normal(size=(5, 3, 4)).astype(np.float32)
    drawn = render.Renderer(fitted).render(stacks)
    np.testing.assert_array_equal(
        drawn, render.Renderer(fitted).render(stacks.reshape(5, 12))
    )


def test_pixels_without_features_are_zero(fitted, rng):
    images = render.Renderer(fitted).render(rng.normal(size=(2, 12)))
    assert (images[:, fitted.density() == 0] == 0).all()


def test_batches_do_not_change_an_image(fitted, rng):
    rows = rng.normal(
        size=(70, 12)
    )  # three blocks, the last not full.astype(np.float32)
    renderer = render.Renderer(fitted)
    together = renderer.render(rows)
    alone = np.concatenate([renderer.render(row[None]) for row in rows])
    np.testing.assert_array_equal(together, alone)


def test_no_rows_give_no_images(fitted):
    empty = np.empty((0, 3, 4), np.float32)
    assert render.Renderer(fitted).render(empty).shape == (0, 4, 7, 1)


def test_images_are_contiguous_for_the_writer(fitted, rng):
    images = render.Renderer(fitted).render(rng.normal(size=(3, 12)))
    assert images.flags.c_contiguous


def test_rows_with_a_different_width_are_refused(fitted):
    with pytest.raises(ValueError, match=r"must be \(N, 12\)"):
        render.Renderer(fitted).render(np.zeros((2, 3, 5)))


@pytest.mark.parametrize("row", [0, 31, 32, 69])
def test_nan_is_refused_with_its_row(fitted, row):
    rows = np.zeros((70, 12))
    rows[row:, 3] = np.nan
    with pytest.raises(ValueError, match=rf"in row {row}:"):
        render.Renderer(fitted).render(rows)
