"""The autoencoders' own layers."""

import keras
import numpy as np
import pytest

from trainers.network import autoencoder


def _by_definition(maps: np.ndarray, size: int) -> np.ndarray:
    """torch.nn.AdaptiveAvgPool2d as its documentation states it."""
    count, height, width, channels = maps.shape
    pooled = np.empty((count, size, size, channels))
    for i in range(size):
        top, bottom = i * height // size, -(-(i + 1) * height // size)
        for j in range(size):
            left, right = j * width // size, -(-(j + 1) * width // size)
            pooled[:, i, j] = maps[:, top:bottom, left:right].mean(axis=(1, 2))
    return pooled


@pytest.mark.parametrize(
    ("height", "width", "size"),
    [(26, 26, 10), (13, 12, 5), (10, 10, 10), (7, 7, 10), (1, 1, 10)],
)
def test_the_pool_is_torchs_and_enlarges_too(rng, height, width, size):
    maps = rng.normal(size=(2, height, width, 3)).astype(np.float32)
    pool = autoencoder.AdaptiveAveragePool(size)
    np.testing.assert_allclose(
        np.asarray(pool(maps)),
        _by_definition(maps, size),
        atol=1e-6,  # means of at most nine float32 values
    )
    copy = keras.layers.deserialize(keras.layers.serialize(pool))
    assert copy.size == size


def test_cells_are_standardised_over_the_train_maps(rng):
    maps = rng.normal(5, 3, size=(50, 2, 3, 4)).astype(np.float32)
    maps[:, 0, 0, 0] = 7.0  # a cell that never varies
    layer = autoencoder.CellStandardization()
    layer.build((None, 2, 3, 4))
    layer.fit(iter(np.array_split(maps, 7)))
    out = np.asarray(layer(maps))
    assert np.isfinite(out).all()
    # float32 values, double sums.
    np.testing.assert_allclose(out.mean(axis=0), 0, atol=1e-5)
    varying = np.ones((2, 3, 4), bool)
    varying[0, 0, 0] = False
    np.testing.assert_allclose(out.std(axis=0)[varying], 1, atol=1e-5)


def test_the_reconstruction_adds_its_error_to_the_loss(rng):
    code, target, made = (
        rng.normal(size=(2, 3, 3, 2)).astype(np.float32) for _ in range(3)
    )
    layer = autoencoder.ReconstructionLoss(0.5)
    np.testing.assert_array_equal(np.asarray(layer(code, target, made)), code)
    (loss,) = layer.losses
    expected = 0.5 * np.square(made - target).mean()
    assert float(loss) == pytest.approx(expected, rel=1e-6)
