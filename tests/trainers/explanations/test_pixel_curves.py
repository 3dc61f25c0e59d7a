"""Deletion and insertion of a linear model, whose curves are sums."""

import numpy as np
import pytest

from trainers.explanations import pixel_curves


@pytest.fixture
def linear():
    """Weights, image and baseline `(4, 5, 1)` of 10 occupied pixels."""
    rng = np.random.default_rng(0)
    occupied = np.zeros((4, 5, 1), bool)
    occupied.flat[rng.permutation(20)[:10]] = True
    return (*rng.normal(size=(3, 4, 5, 1)), occupied)


def test_the_curves_of_a_linear_model_are_sums_in_the_order_of_the_scores(
    linear,
):
    weights, image, baseline, occupied = linear
    contributions = weights * (image - baseline)
    deleted, inserted = (
        (images * weights).sum(axis=(1, 2, 3))
        for images in pixel_curves.steps(
            image, baseline, contributions, occupied
        )
    )
    # Ten pixels: one more at every second share, the largest first.
    largest = np.sort(contributions[occupied])[::-1]
    gone = np.concatenate([[0.0], np.cumsum(largest)])
    whole = (image * weights).sum()
    np.testing.assert_allclose(deleted[::2], whole - gone, atol=1e-5)
    np.testing.assert_allclose(
        inserted[::2], whole - gone[-1] + gone, atol=1e-5
    )


def test_no_order_has_a_smaller_area_than_that_of_the_true_contributions(
    linear,
):
    weights, image, baseline, occupied = linear

    def area(scores):
        deleted, inserted = (
            pixel_curves.area((images * weights).sum(axis=(1, 2, 3)))
            for images in pixel_curves.steps(image, baseline, scores, occupied)
        )
        return deleted, -inserted

    best = area(weights * (image - baseline))
    rng = np.random.default_rng(1)
    for _ in range(20):
        other = area(rng.normal(size=image.shape))
        assert best[0] < other[0]
        assert best[1] < other[1]


def test_pixels_without_a_feature_stay(linear):
    _, image, baseline, occupied = linear
    deleted, inserted = pixel_curves.steps(image, baseline, image, occupied)
    np.testing.assert_allclose(
        deleted[-1], np.where(occupied, baseline, image), rtol=1e-6
    )
    np.testing.assert_array_equal(inserted[0], deleted[-1])
    np.testing.assert_array_equal(inserted[-1], image.astype(np.float32))
    np.testing.assert_array_equal(deleted[0], image.astype(np.float32))


def test_the_area_below_a_straight_line_is_that_of_the_triangle():
    falling = 1.0 - pixel_curves.SHARES
    np.testing.assert_allclose(
        pixel_curves.area(np.stack([falling, 2 * falling])), [0.5, 1.0]
    )
