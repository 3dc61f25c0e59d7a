"""Train images flipped and shifted, and deeper networks."""

import numpy as np
import pytest

from trainers.im2vec import augmentation, model


@pytest.fixture
def augmented():
    """Three images whose pixels are numbered, and the layer."""
    shape = (16, 8, 2)
    pixels = np.arange(3 * 256, dtype=np.float32).reshape(3, -1)
    return augmentation.FlipAndShift(shape, seed=0, name="a"), pixels, shape


def shifts_of(image, source):
    """Shifts and flips that make one image `(H, W, C)` of another."""
    found = set()
    for down in range(-2, 3):
        rows = np.clip(np.arange(16) + down, 0, 15)
        for right in range(-1, 2):
            columns = np.clip(np.arange(8) + right, 0, 7)
            for is_flipped in (False, True):
                order = columns[::-1] if is_flipped else columns
                if (image == source[rows][:, order]).all():
                    found.add((down, right, is_flipped))
    return found


def test_augmented_images_are_flips_and_shifts_of_their_own(augmented):
    layer, pixels, shape = augmented
    np.testing.assert_array_equal(layer(pixels), pixels)
    seen = set()
    for _ in range(40):
        changed = np.array(layer(pixels, training=True)).reshape(3, *shape)
        for image, source in zip(
            changed, pixels.reshape(3, *shape), strict=True
        ):
            (found,) = shifts_of(image, source)
            seen.add(found)
    # Of 30 possible changes, 120 draws leave out fewer than 5.
    assert len(seen) > 25


def test_a_deeper_network_has_layers_before_the_papers_two():
    built = {
        depth: model.build_model(
            (2, 2, 3),
            "uint8",
            3,
            hidden=5,
            scale=np.ones(3),
            offset=np.zeros(3),
            seed=7,
            depth=depth,
            is_augmented=depth > 2,
        )
        for depth in (2, 4)
    }
    names = {
        depth: [layer.name for layer in network.layers if layer.weights]
        for depth, network in built.items()
    }
    assert names[2] == ["hidden", "logits"]
    assert names[4] == ["deep_0", "deep_1", "hidden", "logits"]
    first, second = (
        np.array(built[4].get_layer(f"deep_{number}").kernel)
        for number in (0, 1)
    )
    assert first.shape == (512, 12)
    assert second.shape == (512, 512)
    np.testing.assert_array_equal(
        *(np.array(built[depth].get_layer("logits").kernel) for depth in (2, 4))
    )
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 12)
    assert built[4](pixels).shape == (2, 3)
