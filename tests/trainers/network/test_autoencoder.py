"""The autoencoders' own layers."""

import numpy as np
import pytest

from trainers.network import autoencoder


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
