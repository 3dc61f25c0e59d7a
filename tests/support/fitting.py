"""Fitted layers without a fit, for tests of all around them."""

import numpy as np

from text2image.deepinsight.fitted_layer import FittedLayer


def fill(model, seed=0):
    """Sets the weights of every fitted layer at random; 0 is refused."""
    draw = np.random.default_rng(seed)
    for layer in model._flatten_layers():
        if isinstance(layer, FittedLayer):
            for weight in layer.weights:
                weight.assign(draw.uniform(0.5, 1, weight.shape))
    return model
