"""ShuffleNetV2 x1.0 from conv1 to stage2: 116 maps, stride 8.

Source: Ma et al. 2018, arXiv 1807.11164; torchvision's shufflenet_v2_x1_0.
"""

import keras

from trainers.backbones import blocks

_UNITS = 4
_BRANCH_MAPS = 58


def build() -> keras.Model:
    """Builds the slice `(N, H, W, 3) -> (N, ~H / 8, ~W / 8, 116)`."""
    image = keras.Input((None, None, 3), name="image")
    x = blocks.convolution(image, 24, 3, name="conv1", stride=2, padding=1)
    x = blocks.relu(blocks.batch_norm(x, "conv1"), "conv1")
    x = blocks.max_pool(x, padding=1)
    for index in range(_UNITS):
        x = _unit(x, f"stage2_{index}", stride=2 if index == 0 else 1)
    return keras.Model(image, x, name="shufflenet_slice")


def _unit(x: keras.KerasTensor, name: str, stride: int) -> keras.KerasTensor:
    """Concatenates two branches; at stride 1 the first is half of the input."""
    if stride == 1:
        first, second = keras.ops.split(x, 2, axis=-1)
    else:
        first = blocks.depthwise(x, 3, name=f"{name}_branch1_dw", stride=stride)
        first = _pointwise(first, f"{name}_branch1_pw")
        second = x
    second = _pointwise(second, f"{name}_branch2_pw1")
    second = blocks.depthwise(
        second, 3, name=f"{name}_branch2_dw", stride=stride
    )
    second = _pointwise(second, f"{name}_branch2_pw2")
    x = keras.layers.Concatenate(name=f"{name}_concat")([first, second])
    return ChannelShuffle(2, name=f"{name}_out")(x)


def _pointwise(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    x = blocks.convolution(x, _BRANCH_MAPS, 1, name=name)
    return blocks.relu(blocks.batch_norm(x, name), name)


@keras.saving.register_keras_serializable(package="trainers")
class ChannelShuffle(keras.layers.Layer):
    """Interleaves groups of channels: 0..C/g, C/g..2C/g, ... become 0, C/g, ...

    Example:
        Of six channels in two groups, `0 1 2 | 3 4 5` becomes `0 3 1 4 2 5`.
    """

    def __init__(self, groups: int, **kwargs: object) -> None:
        """Stores the number of groups, a divisor of the channels."""
        super().__init__(**kwargs)
        self.groups = groups

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """Shuffles `(N, H, W, C)` along its last axis."""
        batch, height, width, _ = keras.ops.shape(x)
        channels = x.shape[-1]
        x = keras.ops.reshape(
            x, (batch, height, width, self.groups, channels // self.groups)
        )
        x = keras.ops.transpose(x, (0, 1, 2, 4, 3))
        return keras.ops.reshape(x, (batch, height, width, channels))

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Returns the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, object]:
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "groups": self.groups}
