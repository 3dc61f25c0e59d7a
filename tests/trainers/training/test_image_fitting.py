"""What a run knows of its train images, against plain linear algebra."""

import numpy as np
import pytest

from tfrecords import reader
from trainers.training import image_fitting
from trainers.training.inputs import read_images


@pytest.fixture
def records(make_image_records):
    return make_image_records(num_train=200, num_validation=30)


def images_of(records, split):
    manifest = reader.open_records(records)
    batches = read_images(records, split, manifest)
    return np.concatenate([batch["image"] for batch in batches])


def fit(records):
    return image_fitting.fit(records, reader.open_records(records))


def covariance_of(fitted):
    """Tipping & Bishop's: the directions' variances, the rest the same."""
    directions = fitted.directions.astype(np.float64)
    rest = np.eye(directions.shape[1]) - directions.T @ directions
    along = directions.T * fitted.variances @ directions
    return along + fitted.residual_variance * rest


def test_the_distance_is_mahalanobis_under_the_models_covariance(records):
    fitted = fit(records)
    images = images_of(records, "validation")
    rows = (images - fitted.mean).reshape(len(images), -1)
    precision = np.linalg.inv(covariance_of(fitted))
    expected = np.sqrt(np.einsum("np,pq,nq->n", rows, precision, rows))
    # Directions are stored in float32.
    np.testing.assert_allclose(fitted.distances(images), expected, rtol=1e-4)


@pytest.mark.parametrize("width", [8, 40])  # fewer or more pixels than images
def test_the_model_has_the_variance_of_the_train_images(
    make_image_records, width
):
    records = make_image_records(num_train=200, shape=(12, width, 1))
    fitted = fit(records)
    rows = images_of(records, "train").reshape(200, -1).astype(np.float64)
    np.testing.assert_allclose(
        fitted.mean.ravel(), rows.mean(axis=0), rtol=1e-6
    )
    centred = rows - rows.mean(axis=0)
    values = np.linalg.svd(centred, compute_uv=False)[:40] ** 2 / 200
    np.testing.assert_allclose(
        np.sort(fitted.variances), np.sort(values), rtol=1e-4
    )
    np.testing.assert_allclose(
        np.trace(covariance_of(fitted)), rows.var(axis=0).sum(), rtol=1e-4
    )


def test_novelty_is_the_share_of_validation_images_that_are_nearer(records):
    fitted = fit(records)
    images = images_of(records, "validation")
    distances = fitted.distances(images)
    nearer = [(distances < distance - 1e-4).mean() for distance in distances]
    np.testing.assert_allclose(fitted.novelty(images), nearer, atol=1.01 / 30)
    far = np.ones_like(images[:1]) * 100
    assert fitted.novelty(far).item() == 1
    assert fitted.novelty(fitted.mean[np.newaxis]).item() == 0


def test_a_sample_of_train_images_gives_the_mean_of_all(records, monkeypatch):
    whole = fit(records)
    monkeypatch.setattr(image_fitting, "_MOST_FITTED", 50)
    fitted = fit(records)
    np.testing.assert_array_equal(fitted.mean, whole.mean)
    assert len(fitted.variances) == 10
    assert len(whole.variances) == 40


def alike(split, index, image):
    image[:] = 0.5


@pytest.mark.parametrize("spoil", [None, alike])
@pytest.mark.parametrize("num_train", [2, 12])
def test_few_or_equal_images_have_finite_distances(
    make_image_records, spoil, num_train
):
    records = make_image_records(
        num_train=num_train, num_validation=2, spoil=spoil
    )
    fitted = fit(records)
    images = images_of(records, "validation")
    assert np.isfinite(fitted.distances(images)).all()
    novelty = fitted.novelty(np.concatenate([images, images + 1]))
    assert ((novelty >= 0) & (novelty <= 1)).all()
    assert (novelty[2:] == 1).all()


def test_pixels_that_never_vary_count_when_an_image_differs_there(
    make_image_records,
):
    def blank(split, index, image):
        image[:, 6:] = 0

    records = make_image_records(num_train=80, num_validation=10, spoil=blank)
    fitted = fit(records)
    assert len(fitted.pixels) == 72
    image = images_of(records, "validation")[:1]
    before = fitted.distances(image)
    image[:, 0, 11] = 1
    assert fitted.distances(image) > before + 1
