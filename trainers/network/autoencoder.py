"""The convolutional autoencoders between feature maps and dense head.

Layer names start with `autoencoder`: by that name, the optimiser gives them
their own learning rate.
"""

from collections.abc import Iterable

import keras
import numpy as np

from text2image.deepinsight.fitted_layer import FittedLayer
from trainers import backbones

STANDARDIZATION = "autoencoder_standardization"  # the layer's name


def build_paper_autoencoder(
    maps: keras.KerasTensor, recipe: backbones.PaperRecipe
) -> keras.KerasTensor:
    """Builds the published code's autoencoder, which has no decoder.

    Four times valid convolution, ReLU, batch norm, dropout; then an adaptive
    average pool, which enlarges ShuffleNet's 7 x 7 maps to 10 x 10. Source:
    the official code, models/*.py (convolution, ReLU, batch norm in this
    order; Xavier normal kernels).

    Args:
        maps: Symbolic `(N, h, w, M)`, h and w at least `recipe.min_map_size`.
        recipe: Number and size of the filters, dropout, size p of the output.

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
    # In a graph, Keras 3.15 does not pool a side of 1: repeat it before.
    size = recipe.pool_size
    repeats = tuple(size if side == 1 else 1 for side in x.shape[1:3])
    if max(repeats) > 1:
        x = keras.layers.UpSampling2D(repeats, name="autoencoder_repeat")(x)
    return keras.layers.AdaptiveAveragePooling2D(size, name="autoencoder_pool")(
        x
    )


@keras.saving.register_keras_serializable(package="text2image")
class CellStandardization(FittedLayer):
    """Standardises every position of every map over the train split.

    The statistics are fitted once, by `fit`, and never trained: a batch norm
    per position would estimate each from one batch.
    """

    # Positions that hardly vary would be amplified to noise: the deviation is
    # never taken as smaller than this share of the largest.
    _FLOOR = 1e-3

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates `mean` and `deviation`, `(h, w, M)`."""
        shape = input_shape[1:]
        self.mean = self.add_weight(
            shape=shape, initializer="zeros", trainable=False, name="mean"
        )
        self.deviation = self.add_weight(
            shape=shape, initializer="ones", trainable=False, name="deviation"
        )

    def fit(self, batches: Iterable[np.ndarray]) -> None:
        """Sets the statistics from batches of maps `(n, h, w, M)`.

        Two sums in double precision: memory does not grow with the batches.
        """
        count = 0
        total = np.zeros(self.mean.shape)
        squares = np.zeros(self.mean.shape)
        for batch in batches:
            doubles = batch.astype(np.float64)
            count += len(doubles)
            total += doubles.sum(axis=0)
            squares += np.square(doubles).sum(axis=0)
        mean = total / count
        deviation = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
        floor = self._FLOOR * max(float(deviation.max()), 1e-30)
        self.mean.assign(mean.astype(np.float32))
        self.deviation.assign(np.maximum(deviation, floor).astype(np.float32))

    def call(self, maps: keras.KerasTensor) -> keras.KerasTensor:
        """`(N, h, w, M)` to the same shape."""
        return (maps - self.mean) / self.deviation


@keras.saving.register_keras_serializable(package="text2image")
class ReconstructionLoss(keras.layers.Layer):
    """Passes the code on and adds the weighted mean squared error to the loss.

    Only training sees that loss.
    """

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
        """Returns `code` unchanged."""
        error = keras.ops.mean(keras.ops.square(reconstruction - target))
        self.add_loss(self.weight * error)
        return code

    def get_config(self) -> dict[str, object]:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "weight": self.weight}


def build_symmetric_autoencoder(
    maps: keras.KerasTensor, *, bottleneck: int, reconstruction_weight: float
) -> keras.KerasTensor:
    """Builds an encoder to a bottleneck and a decoder back to the feature maps.

    The image of a text differs little from the mean image, and the meaning of
    a feature is its place. So every position of every map is standardised
    separately, and none is mixed with another or pooled away: the code keeps
    the positions of the maps, with fewer channels. It is linear: at its best,
    such a code spans the first principal components of the maps (Baldi and
    Hornik 1989), and a ReLU would discard half of each.

    Args:
        maps: Symbolic `(N, h, w, M)`.
        bottleneck: Channels of the code.
        reconstruction_weight: Weight of the mean squared error between the
            decoder's output and the standardised maps; 0 builds no decoder.

    Returns:
        Symbolic `(N, h, w, bottleneck)`.
    """
    target = CellStandardization(name=STANDARDIZATION)(maps)
    x = keras.layers.Conv2D(
        bottleneck,
        1,
        use_bias=False,
        kernel_initializer="he_normal",
        name="autoencoder_encode",
    )(target)
    code = keras.layers.BatchNormalization(momentum=0.9, name="autoencoder_bn")(
        x
    )
    if not reconstruction_weight:
        return code
    reconstruction = keras.layers.Conv2D(
        maps.shape[-1], 1, name="autoencoder_decode"
    )(code)
    return ReconstructionLoss(
        reconstruction_weight, name="autoencoder_reconstruction"
    )(code, target, reconstruction)
