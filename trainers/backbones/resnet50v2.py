"""ResNet50V2 up to conv2_block2_out: 256 maps, stride 4.

ResNet V2 strides in the last block of a stack, so `conv2_block2_out` (and not
`conv2_block3_out`, stride 8) is the analogue of the paper's `layer1`. Its
output is the sum before activation.

Source: He et al. 2016, arXiv 1603.05027; keras.applications.
"""

import keras


def build() -> keras.Model:
    """Builds the slice `(N, H, W, 3) -> (N, ~H / 4, ~W / 4, 256)`."""
    full = keras.applications.ResNet50V2(
        include_top=False, weights=None, input_shape=(None, None, 3)
    )
    return keras.Model(
        full.input,
        full.get_layer("conv2_block2_out").output,
        name="resnet50v2_slice",
    )
