"""Figures: what they show, and that they draw."""

import io

import matplotlib.figure
import numpy as np
import pytest

from text2image.deepinsight import figures, pixel_map, scaling, statistics


@pytest.fixture
def fitted(rng):
    stats = statistics.FeatureStatistics.empty(12)
    stats.update(rng.normal(size=(5, 12)))
    return pixel_map.fit_pixel_map(
        rng.normal(size=(12, 2)),
        (4, 6),
        scaling.fit_scaler("norm1", stats),
        provenance={"layers": [4, 5, 6]},
    )


def png(figure):
    assert isinstance(figure, matplotlib.figure.Figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=40)
    return buffer.getvalue()


def test_the_map_shows_every_feature_hull_and_rectangle(fitted):
    figure = figures.draw_map(fitted)
    axes = figure.axes[0]
    np.testing.assert_allclose(axes.collections[0].get_offsets(), fitted.points)
    hull, rectangle = (line.get_xydata() for line in axes.lines)
    for drawn, corners in (
        (hull, fitted.hull),
        (rectangle, fitted.rectangle),
    ):
        np.testing.assert_array_equal(drawn[0], drawn[-1])
        np.testing.assert_array_equal(drawn[:-1], corners)
    ticks = [tick.get_text() for tick in figure.axes[1].get_yticklabels()]
    assert ticks == ["4", "5", "6"]
    assert png(figure).startswith(b"\x89PNG")


def test_a_map_without_layers_in_its_provenance_is_drawn(fitted, rng):
    bare = pixel_map.fit_pixel_map(fitted.points, (4, 6), fitted.scaler)
    assert png(figures.draw_map(bare))


def test_the_density_shows_the_counts(fitted):
    figure = figures.draw_density(fitted)
    axes = figure.axes[0]
    np.testing.assert_array_equal(
        axes.images[0].get_array(), fitted.density()[..., 0]
    )
    occupied = (fitted.density() > 0).sum()
    assert f"{occupied} of 24" in axes.get_title()
    assert png(figure)


@pytest.mark.parametrize("count", [1, 3])
def test_examples_of_a_row_share_one_scale(rng, count):
    images = rng.uniform(size=(count, 4, 6, 1))
    normalized = rng.normal(size=(count, 4, 6, 1))
    figure = figures.draw_examples(
        {"image": images, "z-normalised": normalized}, ["pos"] * count
    )
    shown = [axes.images[0] for axes in figure.axes[: 2 * count]]
    for row, stage in enumerate((images, normalized)):
        for column in range(count):
            image = shown[row * count + column]
            np.testing.assert_array_equal(
                image.get_array(), stage[column, ..., 0]
            )
            assert image.get_clim() == (stage.min(), stage.max())
    assert png(figure)


@pytest.mark.parametrize(
    ("maps", "limit", "drawn"),
    [(1, 64, 1), (8, 64, 8), (70, 64, 64), (9, 5, 5)],
)
def test_feature_maps_are_limited(rng, maps, limit, drawn):
    figure = figures.draw_feature_maps(
        rng.normal(size=(3, 5, maps)), "resnet", limit=limit
    )
    assert sum(len(axes.images) for axes in figure.axes) == drawn
    assert f"{drawn} of {maps} maps" in figure.get_suptitle()


def test_feature_maps_are_drawn(rng):
    assert png(figures.draw_feature_maps(rng.normal(size=(3, 5, 3)), "vgg16"))


@pytest.mark.parametrize("channels", [1, 3])
def test_constant_images_are_drawn(channels):
    zeros = np.zeros((2, 4, 4, channels))
    assert png(figures.draw_examples({"image": zeros}, ["a", "b"]))


def test_three_channels_are_shown_in_colour(rng):
    images = rng.uniform(2, 5, size=(2, 4, 6, 3))
    figure = figures.draw_examples({"image": images}, ["pos", "neg"])
    shown = figure.axes[1].images[0].get_array()
    assert shown.shape == (4, 6, 3)
    expected = (images[1] - images.min()) / np.ptp(images)
    np.testing.assert_allclose(shown, expected)
