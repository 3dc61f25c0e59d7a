"""The program that trained `--weights=cifar10`, without the training."""

import numpy as np

from tools import make_cifar10_slices


def batches_of(images):
    return make_cifar10_slices.Augmented(images, np.arange(len(images)), seed=0)


def test_batches_are_shifted_or_mirrored_images(rng):
    images = rng.integers(0, 256, (70, 9, 9, 3), dtype=np.uint8)
    (batch, rows), (again, _) = batches_of(images)[0], batches_of(images)[0]
    assert batch.shape == (64, 9, 9, 3)
    assert batch.dtype == np.float32
    np.testing.assert_array_equal(batch, again)
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)), "reflect")
    for image, row in zip(batch, rows, strict=True):
        crops = np.lib.stride_tricks.sliding_window_view(
            padded[row], (9, 9), axis=(0, 1)
        )
        crops = np.moveaxis(crops, 2, -1).reshape(-1, 9, 9, 3)
        wanted = np.rint(image * 255)
        matches = [
            (crops == side).all(axis=(1, 2, 3)).any()
            for side in (wanted, wanted[:, ::-1])
        ]
        assert any(matches), row
