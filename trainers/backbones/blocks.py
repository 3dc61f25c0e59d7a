"""The layers of torchvision's architectures, built of Keras's.

Padding is explicit: at stride 2 Keras's `same` pads one side more than
torchvision does and shifts the feature maps. Names follow one rule: the batch
norm of convolution `X` is `X_bn`, its activation `X_relu`.

Source: torchvision 0.28, models/{alexnet,resnet,shufflenetv2}.py.
"""

import keras
import numpy as np

# torch.nn.BatchNorm2d's defaults; torch's momentum 0.1 is Keras's 0.9.
BATCH_NORM_EPSILON = 1e-5
BATCH_NORM_MOMENTUM = 0.9


@keras.saving.register_keras_serializable(package="text2image")
class GroupedConv2D(keras.layers.Conv2D):
    """`Conv2D` with groups, computed as one dense convolution.

    Zeros fill the kernel up to all input channels. That is `groups` times the
    multiplications, but in one large matrix product instead of 32 small ones,
    which is twice as fast on a CPU (docs/decisions.md). Weights and results
    are those of `Conv2D(groups=...)`.
    """

    def convolution_op(
        self, inputs: keras.KerasTensor, kernel: keras.KerasTensor
    ) -> keras.KerasTensor:
        """Convolves with the kernel `(h, w, C / groups, filters)`."""
        group_of_input = np.arange(inputs.shape[-1]) // kernel.shape[2]
        size = kernel.shape[3] // self.groups
        group_of_filter = np.arange(kernel.shape[3]) // size
        same = group_of_input[:, None] == group_of_filter
        dense = keras.ops.tile(kernel, (1, 1, self.groups, 1))
        mask = keras.ops.convert_to_tensor(same, dense.dtype)
        return super().convolution_op(inputs, dense * mask)


def convolution(
    x: keras.KerasTensor,
    filters: int,
    kernel_size: int,
    *,
    name: str,
    stride: int = 1,
    padding: int = 0,
    groups: int = 1,
    use_bias: bool = False,
) -> keras.KerasTensor:
    """Convolves `(N, H, W, C)` as `torch.nn.Conv2d` with these arguments."""
    layer = GroupedConv2D if groups > 1 else keras.layers.Conv2D
    return layer(
        filters,
        kernel_size,
        strides=stride,
        groups=groups,
        use_bias=use_bias,
        name=name,
    )(pad(x, padding, name))


def depthwise(
    x: keras.KerasTensor, kernel_size: int, *, name: str, stride: int
) -> keras.KerasTensor:
    """Filters each channel, padded by half the kernel, and normalises."""
    x = keras.layers.DepthwiseConv2D(
        kernel_size, strides=stride, use_bias=False, name=name
    )(pad(x, kernel_size // 2, name))
    return batch_norm(x, name)


def pad(x: keras.KerasTensor, padding: int, name: str) -> keras.KerasTensor:
    """Puts `padding` zeros on all four sides, for the layer `name`."""
    if not padding:
        return x
    return keras.layers.ZeroPadding2D(padding, name=f"{name}_pad")(x)


def batch_norm(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Normalises the output of the convolution `name`."""
    return keras.layers.BatchNormalization(
        momentum=BATCH_NORM_MOMENTUM,
        epsilon=BATCH_NORM_EPSILON,
        name=f"{name}_bn",
    )(x)


def relu(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Rectifies the output of the layer `name`."""
    return keras.layers.ReLU(name=f"{name}_relu")(x)


def max_pool(x: keras.KerasTensor, padding: int) -> keras.KerasTensor:
    """Takes the maximum of 3 x 3 windows, stride 2.

    Args:
        x: `(N, H, W, C)`, not negative if padded: torch pads with minus
            infinity, we with 0, which is the same after a ReLU.
        padding: Zeros on all four sides.
    """
    return keras.layers.MaxPooling2D(3, strides=2, name="maxpool")(
        pad(x, padding, "maxpool")
    )
