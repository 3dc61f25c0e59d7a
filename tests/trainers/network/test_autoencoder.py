"""The autoencoders' own layers."""

import keras
import numpy as np
import pytest

from trainers import backbones
from trainers.network import autoencoder


def _pool_by_definition(maps: np.ndarray, size: int) -> np.ndarray:
    """torch.nn.AdaptiveAvgPool2d as its documentation states it."""
    count, height, width, channels = maps.shape
    pooled = np.empty((count, size, size, channels))
    for i in range(size):
        top, bottom = i * height // size, -(-(i + 1) * height // size)
        for j in range(size):
            left, right = j * width // size, -(-(j + 1) * width // size)
            pooled[:, i, j] = maps[:, top:bottom, left:right].mean(axis=(1, 2))
    return pooled


# Before the pool 12 rows and columns are lost; 1 is the fewest it is given.
@pytest.mark.parametrize(
    ("height", "width"), [(38, 38), (22, 25), (19, 19), (13, 20), (13, 13)]
)
def test_the_paper_autoencoder_ends_in_torchs_pool_in_a_graph(
    rng, height, width
):
    recipe = backbones.get_backbone("shufflenet").recipe
    maps = keras.Input((height, width, 4))
    code = autoencoder.build_paper_autoencoder(maps, recipe)
    whole = keras.Model(maps, code)
    before = keras.Model(maps, whole.get_layer("autoencoder_bn3").output)
    values = rng.normal(size=(2, height, width, 4)).astype(np.float32)
    last = before.predict_on_batch(values)
    assert last.shape[1:3] == (height - 12, width - 12)
    np.testing.assert_allclose(
        whole.predict_on_batch(values),
        _pool_by_definition(last, recipe.pool_size),
        atol=1e-6,  # means of at most nine float32 values
    )


def test_positions_are_standardised_over_the_train_maps(rng):
    maps = rng.normal(5, 3, size=(50, 2, 3, 4)).astype(np.float32)
    maps[:, 0, 0, 0] = 7.0  # a position that never varies
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
    code, target, decoded = (
        rng.normal(size=(2, 3, 3, 2)).astype(np.float32) for _ in range(3)
    )
    layer = autoencoder.ReconstructionLoss(0.5)
    passed_on = layer(code, target, decoded)
    np.testing.assert_array_equal(np.asarray(passed_on), code)
    (loss,) = layer.losses
    expected = 0.5 * np.square(decoded - target).mean()
    assert float(loss) == pytest.approx(expected, rel=1e-6)
