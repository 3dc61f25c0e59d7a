"""Class activation over the code of the linear autoencoder.

The code is the image as the feature maps keep it, so that the contributions
of its numbers are an image too: what the head read, and where.
"""

import keras
import numpy as np
import tensorflow as tf

from trainers.network.model import LINEAR_CODE
from trainers.serving.explaining import MOST_STEPS, PIXEL_STEPS, margin_of
from trainers.serving.gradients import integrated_gradients


def code_activation(
    model: keras.Model, image: np.ndarray, mean_image: np.ndarray, label: int
) -> np.ndarray:
    """Divides a margin among the pixels that the code reads back.

    Of a head without hidden layers, and of its shortcut, the contributions are
    weights times differences of the code, as in class activation maps (Zhou
    et al. 2016, arXiv 1512.04150); hidden layers need the path between them.

    Args:
        model: Images `(N, H, W, C)` to logits `(N, K)`, with a linear
            autoencoder.
        image: The image of a text, `(H, W, C)`.
        mean_image: The mean train image.
        label: Number of the class.

    Returns:
        Contributions `(H, W, C)` float64; they sum to the margin of the image
        less that of the mean image. A pixel of several patches gets those of
        all of them.

    Raises:
        ValueError: If the model has another autoencoder.
    """
    _, features, classifier = model.layers
    layers = {layer.name: layer for layer in features.layers}
    if LINEAR_CODE not in layers:
        raise ValueError(
            "`model` must have a linear autoencoder, whose code is an image. "
            "Received: one without. Train with --autoencoder=linear."
        )
    code = features(np.stack([mean_image, image]), training=False)

    def margin(codes: tf.Tensor) -> tf.Tensor:
        return margin_of(classifier(codes, training=False), label)

    margins = margin(code)
    contributions = integrated_gradients(
        margin,
        code[0],
        code[1],
        PIXEL_STEPS,
        change=margins[1] - margins[0],
        most_steps=MOST_STEPS,
    ).numpy()
    pixels = np.arange(image.size).reshape(1, *image.shape)
    # The pixel of each number of the code.
    places = layers[LINEAR_CODE].patches(pixels)[0]
    return np.bincount(
        places.ravel(), contributions.ravel(), minlength=image.size
    ).reshape(image.shape)
