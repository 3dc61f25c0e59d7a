"""Frozen ImageNet slices with a trainable autoencoder and head.

Letters: N examples, H and W pixels, C channels, M feature maps, K classes.

`trainers.load(workdir)` loads a trained model, of images or of strings.
"""

import typing

if typing.TYPE_CHECKING:
    from trainers.serving.keras_model import load

__all__ = ["load"]


def __getattr__(name: str) -> typing.Any:
    """Imports `load` when it is first used: the package itself stays light."""
    if name == "load":
        from trainers.serving import keras_model

        return keras_model.load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
