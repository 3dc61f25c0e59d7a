"""Figures of class vectors."""

import numpy as np

from trainers.im2vec import figures


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
    titles = ("PCA", "PCA, points normalised", "SVD", "SVD, points normalised")
    figure = figures.draw_vectors(
        dict.fromkeys(titles, points), names, rng.random((12, 4, 4, 3))
    )
    texts = figure.axes[1].texts
    assert sorted(text.get_text() for text in texts) == sorted(names)
    places = np.array([text.xy for text in texts])
    distances = np.linalg.norm(places[:, None] - places, axis=2)
    assert distances[np.triu_indices(12, 1)].min() > 0.4
