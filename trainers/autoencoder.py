"""The convolutional autoencoders between frozen maps and dense head.

Layer names start with `autoencoder`: the optimiser gives them their own
learning rate by that name.
"""

import keras

from trainers import backbones


def paper_min_cells(recipe: backbones.PaperRecipe) -> int:
    """Smallest map side that four valid convolutions leave a cell of."""
    return 1 + len(recipe.filters) * (recipe.kernel_size - 1)


def build_paper_autoencoder(
    maps: keras.KerasTensor, recipe: backbones.PaperRecipe
) -> keras.KerasTensor:
    """The published code's: no decoder and no reconstruction.

    Four times valid convolution, ReLU, batch norm, dropout; then an adaptive
    average pool, which also enlarges. Source: the official code, models/*.py
    (convolution, ReLU, batch norm in this order; Xavier normal kernels).

    Args:
        maps: Symbolic `(N, h, w, M)`, h and w at least `paper_min_cells`.
        recipe: Sizes.

    Returns:
        Symbolic `(N, p, p, filters[-1])`.
    """
    x = maps
    for index, filters in enumerate(recipe.filters):
        x = keras.layers.Conv2D(
            filters,
            recipe.kernel_size,
            kernel_initializer="glorot_normal",
            activation="relu",
            name=f"autoencoder_conv{index}",
        )(x)
        # torch's defaults: momentum 0.1 there is 0.9 here.
        x = keras.layers.BatchNormalization(
            epsilon=1e-5, momentum=0.9, name=f"autoencoder_bn{index}"
        )(x)
        if recipe.dropout:
            x = keras.layers.Dropout(
                recipe.dropout, seed=index, name=f"autoencoder_dropout{index}"
            )(x)
    return keras.layers.AdaptiveAveragePooling2D(
        recipe.pool_size, name="autoencoder_pool"
    )(x)


@keras.saving.register_keras_serializable(package="text2image")
class ReconstructionLoss(keras.layers.Layer):
    """Passes the code on and adds the weighted mean squared error."""

    def __init__(self, weight: float, **kwargs: object) -> None:
        """Keeps the weight of the error in the total loss."""
        super().__init__(**kwargs)
        self.weight = weight

    def call(
        self,
        code: keras.KerasTensor,
        target: keras.KerasTensor,
        reconstruction: keras.KerasTensor,
    ) -> keras.KerasTensor:
        """Returns `code`; the loss is seen by training only."""
        error = keras.ops.mean(keras.ops.square(reconstruction - target))
        self.add_loss(self.weight * error)
        return code

    def get_config(self) -> dict[str, object]:
        """What `from_config` needs."""
        return {**super().get_config(), "weight": self.weight}


def build_symmetric_autoencoder(
    maps: keras.KerasTensor, *, bottleneck: int, reconstruction_weight: float
) -> keras.KerasTensor:
    """An encoder to a bottleneck and a decoder back to the frozen maps.

    A text's picture differs little from the mean picture, and where a
    feature lies is what it means. So every cell of every map is normalised
    by itself (batch norm over places, not only over maps), and nothing is
    pooled away: the code keeps the maps' cells, with fewer channels.

    Args:
        maps: Symbolic `(N, h, w, M)`.
        bottleneck: Channels of the code.
        reconstruction_weight: Weight of the mean squared error between the
            decoder's output and the normalised maps; 0 builds no decoder.

    Returns:
        Symbolic `(N, h, w, bottleneck)`.
    """
    num_maps = maps.shape[-1]
    hidden = 2 * bottleneck
    x = keras.layers.Flatten(name="autoencoder_flatten")(maps)
    x = keras.layers.BatchNormalization(
        momentum=0.9,
        center=False,
        scale=False,
        name="autoencoder_normalization",
    )(x)
    target = keras.layers.Reshape(maps.shape[1:], name="autoencoder_reshape")(x)
    x = _convolution(target, hidden, 1, "autoencoder_encode0")
    code = _convolution(x, bottleneck, 3, "autoencoder_encode1")
    if not reconstruction_weight:
        return code
    x = _convolution(code, hidden, 3, "autoencoder_decode0")
    reconstruction = keras.layers.Conv2D(
        num_maps, 1, name="autoencoder_decode1"
    )(x)
    return ReconstructionLoss(
        reconstruction_weight, name="autoencoder_reconstruction"
    )(code, target, reconstruction)


def _convolution(
    x: keras.KerasTensor, filters: int, kernel_size: int, name: str
) -> keras.KerasTensor:
    x = keras.layers.Conv2D(
        filters,
        kernel_size,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)
    x = keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)
