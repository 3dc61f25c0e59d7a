"""The convolutional autoencoders between frozen maps and dense head.

Layer names start with `autoencoder`: the optimiser gives them their own
learning rate by that name.
"""

from collections.abc import Iterable

import keras
import numpy as np

from trainers import backbones


@keras.saving.register_keras_serializable(package="text2image")
class AdaptiveAveragePool(keras.layers.Layer):
    """torch's adaptive average pool, which also enlarges.

    Output cell i averages input cells floor(i n / p) to ceil((i + 1) n / p):
    along each axis one constant matrix. Keras's own layer cannot make a map
    larger, which the published code does behind ShuffleNet (7 to 10 cells).
    """

    def __init__(self, size: int, **kwargs: object) -> None:
        """Keeps p, the side of the output."""
        super().__init__(**kwargs)
        self.size = size

    def call(self, maps: keras.KerasTensor) -> keras.KerasTensor:
        """`(N, h, w, c)` to `(N, p, p, c)`."""
        rows, columns = (
            keras.ops.convert_to_tensor(self._averages(side), maps.dtype)
            for side in maps.shape[1:3]
        )
        maps = keras.ops.einsum("ph,nhwc->npwc", rows, maps)
        return keras.ops.einsum("qw,npwc->npqc", columns, maps)

    def _averages(self, side: int) -> np.ndarray:
        matrix = np.zeros((self.size, side), np.float32)
        for cell, row in enumerate(matrix):
            start = cell * side // self.size
            stop = -(-(cell + 1) * side // self.size)
            row[start:stop] = 1.0 / (stop - start)
        return matrix

    def get_config(self) -> dict[str, object]:
        """What `from_config` needs."""
        return {**super().get_config(), "size": self.size}


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
    return AdaptiveAveragePool(recipe.pool_size, name="autoencoder_pool")(x)


@keras.saving.register_keras_serializable(package="text2image")
class CellStandardization(keras.layers.Layer):
    """Every cell of every map to mean 0 and deviation 1 over the train split.

    The statistics are fitted once, by `fit`, and never trained: a batch norm
    over cells would estimate each from one batch.
    """

    # Cells that hardly vary would be blown up to noise: the deviation is
    # never taken as smaller than this share of the largest.
    _FLOOR = 1e-3

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes `mean` and `deviation`, `(h, w, M)`."""
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
    feature lies is what it means. So every cell of every map is standardised
    by itself, and no cell is mixed with another or pooled away: the code
    keeps the maps' cells, with fewer channels. It is linear: such a code
    spans at its best the maps' first principal components (Baldi and Hornik
    1989), and a ReLU would throw half of each away.

    Args:
        maps: Symbolic `(N, h, w, M)`.
        bottleneck: Channels of the code.
        reconstruction_weight: Weight of the mean squared error between the
            decoder's output and the standardised maps; 0 builds no decoder.

    Returns:
        Symbolic `(N, h, w, bottleneck)`.
    """
    target = CellStandardization(name="autoencoder_standardization")(maps)
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
