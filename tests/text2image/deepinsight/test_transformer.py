"""DeepInsight for scikit-learn: its checks, the records, pyDeepInsight."""

import pickle

import numpy as np
import pytest
import sklearn.decomposition
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from text2image.deepinsight.transformer import DeepInsight

# Checks of scikit-learn whose data have two features: too few for a plane.
TWO_FEATURES = (
    "check_estimators_overwrite_params",
    "check_estimators_fit_returns_self",
    "check_readonly_memmap_input",
    "check_n_features_in_after_fitting",
    "check_fit_idempotent",
    "check_fit_check_is_fitted",
    "check_n_features_in",
)


def failures(_):
    return dict.fromkeys(TWO_FEATURES, "an image needs three features")


@parametrize_with_checks(
    [
        DeepInsight(projection="pca", image_height=6, image_width=7),
        DeepInsight(projection="pca", scaler="norm1", flat=True),
    ],
    expected_failed_checks=failures,
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.fixture
def rows(rng):
    return rng.normal(size=(40, 12)) * np.arange(1, 13) + 3


def expected_images(values, points, size):
    """pyDeepInsight 0.2.3's image of injected coordinates, written anew.

    Its rectangle is left out: the points span one with level sides.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    place = (points - low) / (high - low) * size
    place = np.minimum(place.astype(int), size - 1)
    images = np.zeros((len(values), size, size))
    for row, column in np.unique(place, axis=0):
        members = (place == (row, column)).all(axis=1)
        # Its first coordinate runs along the rows of the image.
        images[:, row, column] = values[:, members].mean(axis=1)
    return images


def test_images_of_injected_coordinates_are_pydeepinsights(rng):
    points = rng.uniform(0, 1, (30, 2)) * (2, 1)
    points[:4] = [(0, 0), (2, 0), (2, 1), (0, 1)]
    values = rng.normal(size=(5, 30))
    transformer = DeepInsight(
        scaler=None,
        projection=points,
        assignment="bin",
        image_height=5,
        image_width=5,
        compat=True,
    )
    images = transformer.fit_transform(values)[..., 0]
    flips = [  # a rectangle has no first corner: up to reflection
        expected_images(values, points * signs, 5)
        for signs in ((1, 1), (1, -1), (-1, 1), (-1, -1))
    ]
    turned = [image.swapaxes(1, 2) for image in flips]
    errors = [np.abs(images - image).max() for image in (*flips, *turned)]
    assert min(errors) < 1e-6
    assert sorted(errors)[1] > 0.1


@pytest.mark.parametrize("scaler", ["standard", "norm1", "norm2", None])
def test_the_inverse_gives_the_rows_back(rows, scaler):
    transformer = DeepInsight(scaler=scaler, projection="pca").fit(rows)
    images = transformer.transform(rows)
    read = transformer.inverse_transform(images)
    # Beyond three deviations `standard` clips; float32 has seven digits.
    within = np.abs(rows - rows.mean(axis=0)) < 3 * rows.std(axis=0)
    np.testing.assert_allclose(read[within], rows[within], atol=1e-4)
    flat = images.reshape(len(rows), -1)
    np.testing.assert_array_equal(transformer.inverse_transform(flat), read)


def test_constant_features_come_back_too(rows):
    rows[:, 3] = 7.0
    transformer = DeepInsight(projection="pca").fit(rows)
    images = transformer.transform(rows)
    assert transformer.inverse_transform(images)[:, 3] == pytest.approx(7.0)


def test_the_map_says_where_each_feature_is(rows):
    transformer = DeepInsight(
        projection="pca", scaler=None, channels="layers"
    ).fit(rows)
    images = transformer.transform(rows)
    places = transformer.feature_map_
    assert places["channel"].tolist() == [0] * 4 + [1] * 4 + [2] * 4
    for place in places:
        _, row, column, channel = place
        np.testing.assert_allclose(
            images[:, row, column, channel], rows[:, place["feature"]], 1e-6
        )


def test_projections_by_name_place_the_scaled_features(rows):
    transformer = DeepInsight(projection="random", random_state=4).fit(rows)
    expected = np.random.default_rng(4).uniform(size=(12, 2))
    np.testing.assert_array_equal(transformer.pixel_map_.points, expected)
    transformer = DeepInsight(projection="kernel_pca").fit(rows)
    scaled = transformer.scaler_.transform(rows).T
    apart = ((scaled[:, None] - scaled[None]) ** 2).sum(axis=-1)
    kernel = sklearn.decomposition.KernelPCA(
        2, kernel="rbf", gamma=12 * 11 / apart.sum()
    ).fit_transform(scaled)
    points = transformer.pixel_map_.points
    # Products of float32, see `statistics.GramMatrix`.
    np.testing.assert_allclose(abs(points), abs(kernel), atol=1e-5)


def test_any_projection_of_scikit_learn_will_do(rows):
    kernel = sklearn.decomposition.KernelPCA(2, kernel="rbf", random_state=0)
    transformer = DeepInsight(projection=kernel).fit(rows)
    scaled = transformer.scaler_.transform(rows)
    np.testing.assert_array_equal(
        transformer.pixel_map_.points, kernel.fit_transform(scaled.T)
    )


def test_flat_images_go_on_in_a_pipeline_with_names(rows):
    labels = rows[:, 11] > rows[:, 11].mean()
    transformer = DeepInsight(
        projection="pca", flat=True, image_height=4, image_width=5
    )
    pipeline = make_pipeline(transformer, LogisticRegression())
    assert pipeline.fit(rows, labels).score(rows, labels) > 0.8
    names = transformer.get_feature_names_out()
    assert len(names) == 20
    assert names[6] == "pixel_1_1_0"
    images = transformer.set_params(flat=False).transform(rows)
    assert images.shape == (40, 4, 5, 1)
    assert not hasattr(transformer, "get_feature_names_out")
    assert (
        images[2, 1, 1, 0]
        == transformer.set_params(flat=True).transform(rows)[2, 6]
    )


def test_a_copy_draws_the_same(rows):
    transformer = DeepInsight(tsne_iterations=300).fit(rows)
    copied = pickle.loads(pickle.dumps(transformer))
    np.testing.assert_array_equal(
        copied.transform(rows), transformer.transform(rows)
    )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"scaler": "minmax"}, "`scaler` must be one of"),
        ({"projection": "isomap"}, "`projection` must be one of"),
        ({"tsne_init": "spectral"}, "`tsne_init` must be one of"),
        ({"image_height": 0}, "`image_height` must be a whole number of at"),
        ({"image_width": 8.5}, "Received: 8.5"),
        ({"tsne_iterations": -1}, "`tsne_iterations` must be a whole"),
        ({"projection": np.zeros((3, 2))}, r"coordinates \(12, 2\)"),
        ({"assignment": "nearest"}, "`assignment` must be one of"),
        ({"channels": "rgb"}, "`channels` must be one of"),
        ({"channels": [0.5] * 12}, "whole numbers"),
        ({"image_height": 3, "image_width": 3}, "`assignment='lsa'` needs"),
        ({"perplexity": 12}, "`perplexity` must be in"),
    ],
)
def test_parameters_that_fit_no_map_are_refused(rows, parameters, message):
    with pytest.raises(ValueError, match=message):
        DeepInsight(**parameters).fit(rows)


def test_values_beyond_float32_are_refused(rows):
    with pytest.raises(ValueError, match=r"values up to .*e\+4\d. Scale them"):
        DeepInsight(scaler="norm2").fit(rows * 1e39)
