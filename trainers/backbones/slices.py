"""Builds the slices that the table `BACKBONES` declares."""

import keras

from trainers.backbones import (
    Backbone,
    alexnet,
    resnet50v2,
    resnext,
    shufflenet,
    vgg16,
    wide_resnet,
)

_BUILDERS = {
    "alexnet": alexnet.build,
    "resnet": resnet50v2.build,
    "resnext": resnext.build,
    "shufflenet": shufflenet.build,
    "vgg16": vgg16.build,
    "wide_resnet": wide_resnet.build,
}


def build_slice(backbone: Backbone) -> keras.Model:
    """Builds the slice with fresh weights; `weights.load` fills it.

    Args:
        backbone: Entry of the table.

    Returns:
        A functional model `(N, H, W, 3) -> (N, map_size(H), map_size(W),
        num_maps)` with free H and W. The names of its layers with weights
        are stable: they are the keys of every weight file.
    """
    return _BUILDERS[backbone.name]()
