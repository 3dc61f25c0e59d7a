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


def test_several_maps_are_drawn_side_by_side(fitted):
    maps = {f"{number}-tsne": fitted for number in range(5)}
    figure = figures.draw_maps(maps)
    drawn = [axes for axes in figure.axes if axes.collections]
    assert [axes.get_title() for axes in drawn] == list(maps)
    assert len(figure.axes) == 8  # two lines of four
    for axes in drawn:
        points = axes.collections[0].get_offsets()
        np.testing.assert_allclose(points, fitted.points)
    assert png(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("projection", "title"),
    [("tsne", "plane by t-SNE"), ("random", "plane, placed at random")],
)
def test_the_title_of_a_map_names_its_projection(fitted, projection, title):
    fitted.provenance["projection"] = projection
    assert title in figures.draw_map(fitted).axes[0].get_title()


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
def test_differences_of_all_examples_share_one_scale_around_0(rng, count):
    images = rng.uniform(size=(count, 4, 6, 1))
    differences = {
        "less the mean": rng.normal(size=(count, 4, 6)),
        "read back": 3 * rng.normal(size=(count, 4, 6)),
    }
    figure = figures.draw_examples(images, ["pos"] * count, differences)
    shown = [axes.images[0] for axes in figure.axes[: 3 * count]]
    values = np.concatenate([images[..., 0], *differences.values()])
    for image, expected in zip(shown, values, strict=True):
        np.testing.assert_array_equal(image.get_array(), expected)
    limits = {image.get_clim() for image in shown[count:]}
    ((low, high),) = limits
    assert low == -high
    largest = np.abs(differences["read back"])
    assert high == np.quantile(largest, 0.99)
    assert png(figure)


def test_pixels_without_a_feature_are_grey_and_0_is_white():
    mean = np.array([[[0.5, 0.0], [0.0, 0.0]]])
    values = np.array([[[-1.0, 7.0], [7.0, 7.0]]])
    total = figures.masked(values, figures.occupied(mean))
    np.testing.assert_array_equal(total, [[-1.0, np.nan]])
    axes = matplotlib.figure.Figure().subplots()
    image = figures.show_differences(axes, total, 1.0)
    coloured = image.to_rgba(image.get_array())
    red, green, blue, _ = coloured[0, 1]
    assert red == green == blue == 0.85
    assert min(image.to_rgba(0.0)[:3]) > 0.95
    assert coloured[0, 0][2] > coloured[0, 0][0]  # below 0: blue


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
    differences = {"less the mean": np.full((2, 4, 4), np.nan)}
    assert png(figures.draw_examples(zeros, ["a", "b"]))
    assert png(figures.draw_examples(zeros, ["a", "b"], differences))


def test_three_channels_are_shown_in_colour(rng):
    images = rng.uniform(size=(2, 4, 6, 3))
    figure = figures.draw_examples(images, ["pos", "neg"])
    shown = figure.axes[1].images[0].get_array()
    np.testing.assert_array_equal(shown, images[1])
