"""The program behind `--weights=cifar10`, without its hours of training."""

import numpy as np
import pytest
from absl import flags

from tests.golden import backbones_arrays
from tools import make_cifar10_slices
from trainers import backbones
from trainers.backbones import weights


@pytest.fixture(autouse=True)
def parsed_flags():
    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()


def test_dense_convolution_equals_the_grouped_one():
    backbone = backbones.get_backbone("resnext")
    slice_ = backbones.build_slice(backbone)
    weights.load_weights(slice_, backbone, "random")
    dense = make_cifar10_slices.without_groups(slice_)
    images = backbones_arrays.random_images(32, 32)
    expected = np.asarray(slice_(images))
    # Zeros are added in between, in another order: float32 keeps 7 digits.
    np.testing.assert_allclose(
        dense(images), expected, rtol=0, atol=1e-6 * np.abs(expected).max()
    )


def batches_of(images):
    return make_cifar10_slices.Augmented(images, np.arange(len(images)))


def test_batches_are_shifted_or_mirrored_pictures(rng):
    images = rng.integers(0, 256, (70, 9, 9, 3), dtype=np.uint8)
    (batch, rows), (again, _) = batches_of(images)[0], batches_of(images)[0]
    assert batch.shape == (64, 9, 9, 3)
    assert batch.dtype == np.float32
    np.testing.assert_array_equal(batch, again)
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)), "reflect")
    for picture, row in zip(batch, rows, strict=True):
        crops = np.lib.stride_tricks.sliding_window_view(
            padded[row], (9, 9), axis=(0, 1)
        )
        crops = np.moveaxis(crops, 2, -1).reshape(-1, 9, 9, 3)
        wanted = np.rint(picture * 255)
        matches = [
            (crops == side).all(axis=(1, 2, 3)).any()
            for side in (wanted, wanted[:, ::-1])
        ]
        assert any(matches), row
