"""Train images flipped and shifted at random (the paper's future work)."""

from typing import Any

import keras

_SHIFT = 1 / 8  # of a side: 4 of CIFAR's 32 pixels


class FlipAndShift(keras.layers.Layer):
    """Mirrors half of the images and shifts all by up to an eighth.

    As CIFAR is trained on since He et al. 2016 (doi:10.1109/CVPR.2016.90,
    section 4.2): 4 pixels of padding on each side, a random crop, a flip. The
    padding repeats the edge. Acts in training alone, on each image
    separately.
    """

    def __init__(self, shape: tuple[int, int, int], *, seed: int, name: str):
        """Takes (H, W, C) of the flattened images and the seed.

        The generator is moved on for each epoch by `loop.seed_dropout`.
        """
        super().__init__(name=name)
        self.image_shape = shape
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, pixels: Any, training: bool = False) -> Any:
        """Changes images `(N, H * W * C)`; outside training it does not."""
        if not training:
            return pixels
        height, width, channels = self.image_shape
        count = keras.ops.shape(pixels)[0]
        images = keras.ops.reshape(pixels, (-1, height, width, channels))
        rows = self._places(count, height)
        columns = self._places(count, width)
        is_mirrored = self._uniform(count) < 0.5
        columns = keras.ops.where(
            is_mirrored, keras.ops.flip(columns, axis=1), columns
        )
        images = keras.ops.take_along_axis(
            images, rows[:, :, None, None], axis=1
        )
        images = keras.ops.take_along_axis(
            images, columns[:, None, :, None], axis=2
        )
        return keras.ops.reshape(images, (-1, height * width * channels))

    def _places(self, count: Any, side: int) -> Any:
        """Where each row or column is taken from, `(N, side)` int32."""
        most = int(side * _SHIFT)
        shift = keras.ops.floor(self._uniform(count) * (2 * most + 1)) - most
        places = keras.ops.arange(side, dtype="float32")[None] + shift
        return keras.ops.cast(keras.ops.clip(places, 0, side - 1), "int32")

    def _uniform(self, count: Any) -> Any:
        return keras.random.uniform((count, 1), seed=self.seed_generator)
