"""ResNeXt-50 32x4d from conv1 to layer1: 256 maps, stride 4.

Source: Xie et al. 2016, arXiv 1611.05431; torchvision's resnext50_32x4d.
"""

import keras

from trainers.backbones import bottleneck


def build() -> keras.Model:
    """Builds the slice: 32 groups of 4 channels in each block."""
    return bottleneck.build("resnext_slice", width=128, groups=32)
