"""AlexNet up to the ReLU of its second convolution: 192 maps, stride 8.

The variant of "One weird trick", with 64 and 192 channels, as torchvision.

Source: Krizhevsky 2014, arXiv 1404.5997; torchvision's alexnet, features[:5].
"""

import keras

from trainers.backbones import blocks


def build() -> keras.Model:
    """Builds the slice `(N, H, W, 3) -> (N, ~H / 8, ~W / 8, 192)`."""
    image = keras.Input((None, None, 3), name="image")
    x = blocks.convolution(
        image, 64, 11, name="conv1", stride=4, padding=2, use_bias=True
    )
    x = blocks.max_pool(blocks.relu(x, "conv1"), padding=0)
    x = blocks.convolution(x, 192, 5, name="conv2", padding=2, use_bias=True)
    return keras.Model(image, blocks.relu(x, "conv2"), name="alexnet_slice")
