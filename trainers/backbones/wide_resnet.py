"""Wide ResNet-50-2 from conv1 to layer1: 256 maps, stride 4.

What the paper calls ResNet: its official code loads wide_resnet50_2.

Source: Zagoruyko and Komodakis 2016, arXiv 1605.07146; torchvision's
wide_resnet50_2.
"""

import keras

from trainers.backbones import bottleneck


def build() -> keras.Model:
    """Builds the slice: blocks twice as wide as ResNet-50's."""
    return bottleneck.build("wide_resnet_slice", width=128, groups=1)
