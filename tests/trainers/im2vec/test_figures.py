"""Figures of class vectors."""

import numpy as np
import pytest

from tests.support.hostile_names import NAMES
from trainers.im2vec import distance_figure, figures, sample_figure
from trainers.reports.figures import save

TITLES = ("PCA", "PCA, points normalised", "SVD", "SVD, points normalised")


def test_thumbnails_share_a_scale_and_grey_becomes_rgb():
    means = np.array([[0.0, 2.0], [1.0, 4.0]])
    images = figures.thumbnails(means, (1, 2, 1))
    assert images.shape == (2, 1, 2, 3)
    np.testing.assert_allclose(images[..., 1].reshape(2, 2), means / 4)
    flat = figures.thumbnails(np.ones((2, 3)), (1, 1, 3))
    np.testing.assert_array_equal(flat, 0)


def test_names_do_not_overlap_where_normalised_points_coincide(rng):
    names = tuple(f"class {index}" for index in range(12))
    points = np.tile([1.0, 0.0], (12, 1)) + rng.normal(0, 1e-9, (12, 2))
    figure = figures.draw_vectors(
        dict.fromkeys(TITLES, points), names, rng.random((12, 4, 4, 3))
    )
    texts = figure.axes[1].texts
    assert sorted(text.get_text() for text in texts) == sorted(names)
    places = np.array([text.xy for text in texts])
    distances = np.linalg.norm(places[:, None] - places, axis=2)
    assert distances[np.triu_indices(12, 1)].min() > 0.4


def circle(count, rng):
    angles = rng.uniform(0, 2 * np.pi, count)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "count", [2, 24, 77, pytest.param(400, marks=pytest.mark.slow)]
)
def test_names_do_not_overlap_however_many_classes(tmp_path, rng, count):
    names = tuple(NAMES) + tuple(f"intent_number_{i}" for i in range(400))
    points = circle(count, rng)
    planes = dict.fromkeys(TITLES, points)
    planes["PCA"] = planes["SVD"] = rng.normal(size=(count, 2))
    figure = figures.draw_vectors(
        planes, names[:count], rng.random((count, 4, 4, 3))
    )
    save(figure, tmp_path / "vectors.png")
    around = figure.axes[1].texts
    if count == 77:
        assert len(around) == 77
    beside = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(beside) >= min(count, 20)
    overlaps = [
        (i, j)
        for j, one in enumerate(beside)
        for i, other in enumerate(beside[:j])
        if one.shrunk(0.8, 0.6).overlaps(other.shrunk(0.8, 0.6))
    ]
    assert count == 2 or not overlaps


def test_names_round_the_circle_stay_apart_across_its_seam():
    spread = figures._nearest_apart(np.linspace(0, 0.1, 100), 2 * np.pi / 101)
    turns = np.append(spread, spread[0] + 2 * np.pi)
    assert np.diff(turns).min() > 2 * np.pi / 102


def test_opposite_points_keep_their_sides(rng):
    points = np.array([[-1.0, 0.0], [1.0, 0.0]])
    figure = figures.draw_vectors(
        dict.fromkeys(TITLES, points), ("a", "b"), rng.random((2, 4, 4, 3))
    )
    places = [text.xy[0] for text in figure.axes[1].texts]
    assert places[0] < -1 < 1 < places[1]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("count", [2, 4, 50])
def test_distances_are_drawn_whatever_the_names(tmp_path, rng, count):
    names = tuple(NAMES) + tuple(map(str, range(50)))
    distances = rng.random((count, count))
    figure = distance_figure.draw_distances(
        {"a\nb": (distances, distances)}, names[:count]
    )
    save(figure, tmp_path / "truth.png")


def test_samples_are_of_their_classes_and_drawn_by_seed(make_images, rng):
    labels = np.repeat([0, 2, 1], (20, 3, 20))
    chosen, again, other = (
        sample_figure.draw_rows(labels, 3, seed) for seed in (0, 0, 1)
    )
    assert [len(rows) for rows in chosen] == [8, 8, 3]
    for label, rows in enumerate(chosen):
        assert (labels[rows] == label).all()
    np.testing.assert_array_equal(chosen[0], again[0])
    assert (chosen[0] != other[0]).any()
    pixels = rng.integers(0, 256, (43, 2 * 2), dtype=np.uint8)
    figure = sample_figure.draw_samples(
        make_images(pixels, labels, (2, 2, 1)), seed=0
    )
    assert sum(len(axes.images) for axes in figure.axes) == 19
    assert [axes.get_ylabel() for axes in figure.axes[::8]] == [
        "class 0",
        "class 1",
        "class 2",
    ]
