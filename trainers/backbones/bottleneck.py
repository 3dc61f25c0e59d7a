"""The bottleneck stage that ResNeXt-50 and Wide ResNet-50-2 share.

Both run conv1 (7 x 7, stride 2), batch norm, ReLU, max-pool and layer1: three
bottleneck blocks without a stride. They differ only in the groups of the middle
convolution.

Source: He et al. 2015, arXiv 1512.03385; torchvision 0.28, models/resnet.py.
"""

import keras

from trainers.backbones import blocks

_BLOCKS = 3
_MAPS = 256


def build(name: str, *, width: int, groups: int) -> keras.Model:
    """Builds conv1 to layer1: `(N, H, W, 3) -> (N, ~H / 4, ~W / 4, 256)`.

    Args:
        name: Name of the model.
        width: Channels of the first two convolutions of each block.
        groups: Groups of the second convolution.
    """
    image = keras.Input((None, None, 3), name="image")
    x = blocks.convolution(image, 64, 7, name="conv1", stride=2, padding=3)
    x = blocks.relu(blocks.batch_norm(x, "conv1"), "conv1")
    x = blocks.max_pool(x, padding=1)
    for index in range(_BLOCKS):
        x = _block(x, f"layer1_{index}", width, groups, project=index == 0)
    return keras.Model(image, x, name=name)


def _block(
    x: keras.KerasTensor, name: str, width: int, groups: int, project: bool
) -> keras.KerasTensor:
    shortcut = x
    if project:
        shortcut = _normalised(x, _MAPS, 1, f"{name}_downsample")
    x = _normalised(x, width, 1, f"{name}_conv1")
    x = blocks.relu(x, f"{name}_conv1")
    x = _normalised(x, width, 3, f"{name}_conv2", groups)
    x = blocks.relu(x, f"{name}_conv2")
    x = _normalised(x, _MAPS, 1, f"{name}_conv3")
    x = keras.layers.Add(name=f"{name}_add")([x, shortcut])
    return keras.layers.ReLU(name=f"{name}_out")(x)


def _normalised(
    x: keras.KerasTensor,
    filters: int,
    kernel_size: int,
    name: str,
    groups: int = 1,
) -> keras.KerasTensor:
    x = blocks.convolution(
        x,
        filters,
        kernel_size,
        name=name,
        padding=kernel_size // 2,
        groups=groups,
    )
    return blocks.batch_norm(x, name)
