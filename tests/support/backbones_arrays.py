"""Seeded weights, images and samples, the same for torchvision and Keras.

Imports numpy only. Both the script that makes the reference tensors and the
parity test call these, so no weights need to be stored.
"""

import numpy as np

SEED = 20261121
# Even and odd sides, the three sizes of the paper's question, one oblong.
SIZES = ((50, 50), (150, 150), (224, 224), (57, 83))
NUM_CHANNELS = 8


def random_weights(shapes: dict[str, tuple[int, ...]]) -> dict:
    """Draws every array of a slice, batch-norm statistics included.

    Args:
        shapes: Shape of each array by its canonical name.

    Returns:
        float32 arrays by name, drawn in the order of the sorted names, such
        that residual blocks keep the maps of the order of 1.
    """
    rng = np.random.default_rng(SEED)
    arrays = {}
    for name in sorted(shapes):
        shape = shapes[name]
        kind = name.rsplit("/", 1)[1]
        if kind == "kernel":
            inputs = shape[:2] if shape[-1] == 1 else shape[:3]
            array = rng.normal(scale=np.sqrt(1 / np.prod(inputs)), size=shape)
        elif kind == "gamma":
            array = rng.uniform(0.2, 0.8, shape)
        elif kind == "moving_variance":
            array = rng.uniform(0.5, 1.5, shape)
        else:  # bias, beta, moving_mean
            array = rng.normal(scale=0.3, size=shape)
        arrays[name] = array.astype("float32")
    return arrays


def random_images(height: int, width: int) -> np.ndarray:
    """Draws two images, `(2, height, width, 3)` float32, standard normal."""
    rng = np.random.default_rng([SEED, height, width])
    return rng.normal(size=(2, height, width, 3)).astype("float32")


def samples(maps: np.ndarray) -> dict[str, np.ndarray]:
    """Reduces feature maps to samples that any shift or swap changes.

    Args:
        maps: `(2, H, W, C)` float32.

    Returns:
        `shape`; `cells`, the mean over images and channels at each position
        `(H, W)`; `channels`, the mean over images and positions of each channel
        `(C,)`; `rows` and `columns`, the borders and the middle of the second
        image in eight channels, `(3, W, 8)` and `(H, 3, 8)`. float32.
    """
    _, height, width, channels = maps.shape
    exact = maps.astype("float64")
    chosen = np.linspace(0, channels - 1, NUM_CHANNELS).astype(int)
    last = maps[1][..., chosen]
    arrays = {
        "shape": np.array(maps.shape),
        "cells": exact.mean((0, 3)),
        "channels": exact.mean((0, 1, 2)),
        "rows": last[[0, height // 2, height - 1]],
        "columns": last[:, [0, width // 2, width - 1]],
    }
    return {
        name: array if name == "shape" else array.astype("float32")
        for name, array in arrays.items()
    }
