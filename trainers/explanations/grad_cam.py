"""Grad-CAM on the last layer of the slice: the usual explanation of images."""

from collections.abc import Callable

import tensorflow as tf


def grad_cam(
    to_maps: Callable[[tf.Tensor], tf.Tensor],
    to_scores: Callable[[tf.Tensor], tf.Tensor],
    images: tf.Tensor,
) -> tf.Tensor:
    """Says where in an image the maps are that speak for a class.

    Source: Selvaraju et al. 2017, arXiv 1610.02391, eqs. 1 and 2: every map is
    weighted by the mean of the score's gradient, and what is left of the sum
    after a rectifier is enlarged to the image, linearly.

    Args:
        to_maps: Images to feature maps `(n, h, w, M)`.
        to_scores: Feature maps to the score of the class that is explained,
            `(n,)`; rows do not affect each other.
        images: `(n, H, W, C)` float32.

    Returns:
        `(n, H, W)` float32, at least 0.
    """
    maps = tf.convert_to_tensor(to_maps(images))
    with tf.GradientTape() as tape:
        tape.watch(maps)
        scores = to_scores(maps)
    gradients = tape.gradient(scores, maps)
    weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
    summed = tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1, keepdims=True))
    height, width = images.shape[1:3]
    return tf.image.resize(summed, (height, width))[..., 0]
