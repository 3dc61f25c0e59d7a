"""The network: two linear layers with no activation in between, or more."""

import keras
import numpy as np

from trainers.im2vec import augmentation

# irenelee5645/image_vector, cifar10_main.py: called the "std dev of color
# across training images", about a tenth of CIFAR-10's (0.25, 0.24, 0.26).
_PUBLISHED_MEAN = (0.49131522, 0.48209435, 0.44646862)
_PUBLISHED_STD = (0.01897398, 0.03039277, 0.03872553)
_DEEP_UNITS = 512


class Linear(keras.layers.Layer):
    """z = W x + b with W in the paper's orientation, `(units, inputs)`.

    Not keras.layers.Dense, whose kernel is the transpose: the gradient of this
    one is G^T X with X read row by row, and an epoch takes a third of the time
    (docs/results/im2vec.md). W starts as in PyTorch and the published code,
    uniform within 1 / sqrt(inputs); b starts at 0.
    """

    def __init__(self, units: int, *, seed: int, name: str) -> None:
        """Sets the width and the seed of the first weights."""
        super().__init__(name=name)
        self.units = units
        self.seed = seed

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates `kernel` (units, inputs) and `bias` (units,)."""
        inputs = int(input_shape[-1] or 0)
        self.kernel = self.add_weight(
            shape=(self.units, inputs),
            initializer=first_weights(inputs, self.seed),
            name="kernel",
        )
        self.bias = self.add_weight(
            shape=(self.units,), initializer="zeros", name="bias"
        )

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """Maps `(N, inputs)` to `(N, units)`."""
        return keras.ops.matmul(x, keras.ops.transpose(self.kernel)) + self.bias


def first_weights(inputs: int, seed: int) -> keras.initializers.Initializer:
    """Initializer of a PyTorch linear layer: uniform in 1 / sqrt(inputs)."""
    limit = inputs**-0.5
    return keras.initializers.RandomUniform(-limit, limit, seed=seed)


def check_normalization(
    normalization: str, num_channels: int, dtype: str
) -> None:
    """Refuses the published code's constants for other images than its own.

    Raises:
        ValueError: If `normalization` is `published` and pixels are not RGB
            of uint8.
    """
    if normalization == "published" and (num_channels, dtype) != (3, "uint8"):
        raise ValueError(
            "--normalization=published is for RGB images of uint8. "
            f"Received: {num_channels} channels, {dtype}. Use "
            "--normalization=channel."
        )


def pixel_scale(
    normalization: str,
    unit: float,
    channel_mean: np.ndarray,
    channel_std: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns scale and offset of each channel, for pixels as stored.

    Args:
        normalization: `channel`, `published` or `none`.
        unit: Factor from stored pixels to the units of the means.
        channel_mean: Means of the train images, `(C,)`.
        channel_std: Standard deviations, `(C,)`; a constant channel is only
            centred.

    Returns:
        Two arrays `(C,)`; a normalized pixel is the stored one times the first
        plus the second.

    Raises:
        ValueError: If `normalization` is `published` and pixels are not RGB
            of uint8.
    """
    if normalization == "none":
        channel_mean = np.zeros_like(channel_mean)
        channel_std = np.ones_like(channel_std)
    elif normalization == "published":
        dtype = "float32" if unit == 1 else "uint8"
        check_normalization(normalization, len(channel_mean), dtype)
        channel_mean = np.array(_PUBLISHED_MEAN)
        channel_std = np.array(_PUBLISHED_STD)
    deviation = np.where(channel_std > 0, channel_std, 1)
    return unit / deviation, -channel_mean / deviation


def build_model(
    shape: tuple[int, int, int],
    dtype: str,
    num_classes: int,
    *,
    hidden: int,
    scale: np.ndarray,
    offset: np.ndarray,
    seed: int,
    depth: int = 2,
    is_augmented: bool = False,
) -> keras.Model:
    """Builds the network.

    Args:
        shape: (H, W, C).
        dtype: Type of the stored pixels.
        num_classes: Number of classes, K.
        hidden: Number of hidden units, m.
        scale: Scale `(C,)` from `pixel_scale`.
        offset: Offset `(C,)` from `pixel_scale`.
        seed: Seed of the first weights and of the augmentation.
        depth: Number of layers with weights, 2 or more. Those before `hidden`
            have 512 units and a ReLU each.
        is_augmented: Whether train images are flipped and shifted.

    Returns:
        A model of flattened pixels `(N, P)` that returns logits `(N, K)`; its
        layers `hidden` and `logits` hold W1 and W2.
    """
    height, width, _ = shape
    repeats = height * width
    pixels = keras.Input((repeats * shape[2],), dtype=dtype, name="pixels")
    x = keras.layers.Rescaling(
        np.tile(scale, repeats).astype("float32"),
        np.tile(offset, repeats).astype("float32"),
        name="scaling",
    )(pixels)
    if is_augmented:
        x = augmentation.FlipAndShift(shape, seed=seed, name="augmentation")(x)
    for number in range(depth - 2):
        # Apart from the seeds of the two layers of every network.
        own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
        x = Linear(_DEEP_UNITS, seed=own, name=f"deep_{number}")(x)
        x = keras.layers.ReLU(name=f"deep_{number}_relu")(x)
    x = Linear(hidden, seed=2 * seed, name="hidden")(x)
    logits = Linear(num_classes, seed=2 * seed + 1, name="logits")(x)
    return keras.Model(pixels, logits, name="im2vec")
