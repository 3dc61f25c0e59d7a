"""VGG16 up to block3_conv1: five convolutions, 256 maps, stride 4.

The paper says "the first 12 layers, containing 4 convolutional layers";
torchvision's `features[:12]` holds five, and only the fifth has the 256 maps
of Table I.

Source: Simonyan and Zisserman 2014, arXiv 1409.1556; keras.applications.
"""

import keras


def build() -> keras.Model:
    """Builds the slice `(N, H, W, 3) -> (N, H // 4, W // 4, 256)`."""
    full = keras.applications.VGG16(
        include_top=False, weights=None, input_shape=(None, None, 3)
    )
    return keras.Model(
        full.input, full.get_layer("block3_conv1").output, name="vgg16_slice"
    )
