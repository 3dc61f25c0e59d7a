"""The precision of training steps; everything else computes in float32.

Keras reads the policy of a layer where a function is traced. So the steps alone
are traced in mixed precision: validations, predictions and exports know nothing
of it, and weights are float32 everywhere.
"""

import contextlib
from collections.abc import Iterator

import keras

from text2image import devices
from trainers.network.head import FLOAT32_LAYERS


def resolve(precision: str) -> str:
    """Returns float32 or mixed_bfloat16; `auto` decides by the device."""
    if precision != "auto":
        return precision
    return "mixed_bfloat16" if devices.supports_bfloat16() else "float32"


@contextlib.contextmanager
def computing(model: keras.Model, precision: str) -> Iterator[None]:
    """Sets the policy of a model's layers for what is traced meanwhile.

    Layers of our own (standardisation, losses, masks) and those of the logits
    stay in float32; Keras's batch norm computes its statistics in it.

    Args:
        model: The part that trains.
        precision: Name of a policy.
    """
    changed = {
        layer: layer.dtype_policy
        for layer in _layers(model)
        if type(layer).__module__.startswith("keras.")
        and layer.name not in FLOAT32_LAYERS
    }
    try:
        for layer in changed:
            layer.dtype_policy = precision
        yield
    finally:
        for layer, policy in changed.items():
            layer.dtype_policy = policy


def _layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yields the layers of a model and of the models in it."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        elif not isinstance(layer, keras.layers.InputLayer):
            yield layer
