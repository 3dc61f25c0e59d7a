"""Grad-CAM on the last feature maps: the usual explanation of images.

Source: Selvaraju et al. 2017, arXiv 1610.02391, eqs. 1 and 2.
"""

from collections.abc import Callable

import tensorflow as tf


def grad_cam(
    to_maps: Callable[[tf.Tensor], tf.Tensor],
    to_scores: Callable[[tf.Tensor], tf.Tensor],
    images: tf.Tensor,
) -> tf.Tensor:
    """Says where in an image the maps are that speak for a class.

    Args:
        to_maps: Images to feature maps `(n, h, w, M)`.
        to_scores: As `heat_maps` takes it.
        images: `(n, H, W, C)` float32.

    Returns:
        The heat maps, enlarged to the images linearly, `(n, H, W)` float32.
    """
    heat = heat_maps(tf.convert_to_tensor(to_maps(images)), to_scores)
    height, width = images.shape[1:3]
    return tf.image.resize(heat[..., tf.newaxis], (height, width))[..., 0]


def heat_maps(
    maps: tf.Tensor, to_scores: Callable[[tf.Tensor], tf.Tensor]
) -> tf.Tensor:
    """Weights every map by the mean of the score's gradient; sums; rectifies.

    Args:
        maps: Feature maps `(n, h, w, M)`.
        to_scores: Feature maps to the score of the class that is explained,
            `(n,)`; rows do not affect each other.

    Returns:
        `(n, h, w)` float32, at least 0.
    """
    with tf.GradientTape() as tape:
        tape.watch(maps)
        scores = to_scores(maps)
    gradients = tape.gradient(scores, maps)
    weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
    return tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1))
