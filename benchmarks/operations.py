"""Counted operations of a model, and the rate that the machine reaches."""

import math
from collections.abc import Sequence
from typing import Any

from benchmarks.measuring import Call

_SIDE = 2048
MATMUL_FLOPS = 2 * _SIDE**3


def matmul(dtype: str = "float32") -> Call:
    """A plain 2048 x 2048 `tf.matmul`: the practical limit of the device."""
    import tensorflow as tf

    with tf.device("GPU:0" if tf.config.get_visible_devices("GPU") else "CPU"):
        square = tf.cast(tf.random.normal((_SIDE, _SIDE)), dtype)
    multiply = tf.function(lambda: tf.reduce_sum(tf.matmul(square, square)))
    return lambda: multiply().numpy()


def set_fitted(model: Any) -> None:
    """Gives fitted layers numbers to compute with, in place of a fit."""
    from text2image.deepinsight.fitted_layer import FittedLayer

    for layer in model._flatten_layers():
        if isinstance(layer, FittedLayer):
            for weight in layer.weights:
                weight.assign(weight + 0.5)


def forward_flops(model: Any, shape: Sequence[int]) -> int:
    """Counts the operations of convolutions and dense layers per example.

    A multiplication and the addition that follows it are two operations.

    Args:
        model: A functional model.
        shape: Shape of one example, which the model may leave open.
    """
    import keras

    layers = [layer for layer in model.layers if hasattr(layer, "kernel")]
    outputs = keras.Model(
        model.inputs, {layer.name: layer.output for layer in layers}
    ).compute_output_shape((1, *shape))
    total = 0
    for layer in layers:
        kernel, output = layer.kernel.shape, outputs[layer.name]
        # (height, width, inputs of a group, filters), or (in, out); of a
        # depthwise one the filters are the outputs already.
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            total += 2 * math.prod(kernel[:2]) * math.prod(output)
        else:
            total += 2 * math.prod(kernel) * math.prod(output[:-1])
    return total


def model_flops(models: Any) -> tuple[int, int]:
    """Counts the operations per image in the frozen and the trained half."""
    import keras

    extractor = models.extractor
    (slice_,) = (x for x in extractor.layers if isinstance(x, keras.Model))
    shape = extractor.get_layer("slice_input").output.shape[1:]
    feature_shape = models.features.output.shape[1:]
    frozen = forward_flops(slice_, shape)
    if models.features is not extractor:
        # The linear code: one product per position of the feature maps.
        frozen += 2 * math.prod(extractor.output.shape[1:]) * feature_shape[-1]
    return frozen, forward_flops(models.classifier, feature_shape)
