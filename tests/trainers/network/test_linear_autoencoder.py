"""The linear autoencoder against regressions of scikit-learn."""

import keras
import numpy as np
import pytest
import sklearn.linear_model

from trainers.network import linear_autoencoder


def _fitted(images, maps, batches=3):
    layer = linear_autoencoder.LinearReconstruction(images.shape[1:])
    layer.build((None, *maps.shape[1:]))
    kept = layer.fit(
        zip(
            np.array_split(images, batches),
            np.array_split(maps, batches),
            strict=True,
        )
    )
    return layer, kept


def _images(rng, count=200, shape=(5, 7, 2)):
    return rng.normal(3, 2, size=(count, *shape)).astype(np.float32)


def _maps(images, rng, num_maps=6):
    """Noisy mixtures of everything in an image, 2 x 3 positions."""
    flat = images.reshape(len(images), -1)
    mixing = rng.normal(size=(flat.shape[1], 2 * 3 * num_maps))
    maps = flat @ mixing + rng.normal(size=(len(images), mixing.shape[1]))
    return maps.reshape(len(images), 2, 3, num_maps).astype(np.float32)


def test_every_position_is_a_ridge_regression_of_its_patch(rng):
    images = _images(rng)
    maps = _maps(images, rng)
    layer, kept = _fitted(images, maps)
    code = np.asarray(layer(maps))
    # 5 x 7 pixels on 2 x 3 positions: 3 x 3 patches, rows 0-2 and 2-4,
    # columns 0-2, 2-4 and 4-6.
    assert code.shape == (200, 2, 3, 3 * 3 * 2)
    scores = []
    for i, top in enumerate((0, 2)):
        for j, left in enumerate((0, 2, 4)):
            features = maps[:, i, j].astype(float)
            patch = images[:, top : top + 3, left : left + 3].reshape(200, -1)
            standardized = [
                (values - values.mean(axis=0)) / values.std(axis=0)
                for values in (features, patch.astype(float))
            ]
            ridge = sklearn.linear_model.Ridge(
                alpha=linear_autoencoder._PENALTY * 200, fit_intercept=False
            ).fit(*standardized)
            expected = ridge.predict(standardized[0])
            # Weights are float32.
            np.testing.assert_allclose(code[:, i, j], expected, atol=2e-5)
            scores.append(ridge.score(*standardized))
    assert kept == pytest.approx(np.mean(scores), abs=1e-5)


def test_batches_do_not_matter(rng):
    images = _images(rng)
    maps = _maps(images, rng)
    (one, kept), (many, same) = (
        _fitted(images, maps, batches) for batches in (1, 50)
    )
    assert kept == pytest.approx(same, abs=1e-6)
    np.testing.assert_allclose(
        np.asarray(one.kernel), np.asarray(many.kernel), atol=1e-5
    )


def test_what_the_maps_hold_comes_back(rng):
    """Maps that are the image's own patches lose nothing but the penalty."""
    images = _images(rng, shape=(6, 6, 1))
    patches = linear_autoencoder.LinearReconstruction((6, 6, 1))
    patches.build((None, 3, 3, 1))
    layer, kept = _fitted(images, patches.patches(images))
    code = np.asarray(layer(patches.patches(images)))
    assert kept > 0.999
    np.testing.assert_allclose(layer.images(code), images, atol=0.05)
    np.testing.assert_allclose(code, layer.standardized(images), atol=0.03)


@pytest.mark.parametrize("grid", [(1, 1), (3, 4), (13, 13), (9, 20)])
def test_patches_cover_the_image(rng, grid):
    images = _images(rng, count=3, shape=(13, 11, 3))
    layer = linear_autoencoder.LinearReconstruction((13, 11, 3))
    layer.build((None, *grid, 2))
    layer.pixels_deviation.assign(np.ones(layer.pixels_deviation.shape))
    np.testing.assert_allclose(
        layer.images(layer.patches(images)), images, rtol=1e-6
    )


def test_pixels_and_maps_that_never_vary_are_left_alone(rng):
    images = _images(rng)
    images[:, 0, 0] = 4.0
    maps = _maps(images, rng)
    maps[..., 2] = 0.0
    layer, kept = _fitted(images, maps)
    code = np.asarray(layer(maps))
    assert np.isfinite(code).all()
    assert 0 < kept < 1
    assert not code[:, 0, 0, :2].any()
    assert (layer.images(code)[:, 0, 0] == 4.0).all()


def test_images_that_are_all_the_same_give_zeros(rng):
    images = np.ones((20, 5, 7, 2), np.float32)
    layer, kept = _fitted(images, np.ones((20, 2, 3, 6), np.float32))
    assert kept == 0
    code = np.asarray(layer(rng.normal(size=(2, 2, 3, 6)).astype(np.float32)))
    assert not code.any()


def test_the_layer_survives_its_config():
    layer = linear_autoencoder.LinearReconstruction((5, 7, 2), name="code")
    copy = keras.layers.deserialize(keras.layers.serialize(layer))
    assert copy.image_shape == (5, 7, 2)
    assert not copy.trainable
