"""What happens inside a slice: at its stages, batch norms and rectifiers."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from trainers.backbones import Backbone
from trainers.shift.redundancy import Moments

# Of a summary, along its first axis.
MEAN, VARIANCE, ZEROS = range(3)


@dataclasses.dataclass(frozen=True)
class Probes:
    """Where a slice is looked into.

    Attributes:
        model: Input of the slice to a dictionary of tensors `(N, h, w, C)`.
        stages: Keys of what `--slice_depth` 1, 2 and 0 cuts at.
        batch_norms: Key of its input to each batch norm that has statistics
            of its training; those of folded or random weights have none.
        rectifiers: Keys of what each rectifier gives.
    """

    model: keras.Model
    stages: tuple[str, ...]
    batch_norms: Mapping[str, keras.layers.BatchNormalization]
    rectifiers: tuple[str, ...]

    @functools.cached_property
    def run(self) -> Callable[..., Any]:
        """Input of the slice to summaries and feature maps; traced once."""

        @tf.function(
            input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32)]
        )
        def run(x: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
            tensors = self.model(x, training=False)
            summaries = {key: _summary(x) for key, x in tensors.items()}
            return summaries, tensors[self.stages[-1]]

        return run


def place(slice_: keras.Model, backbone: Backbone) -> Probes:
    """Places the probes in a slice with its weights."""
    stages = (*backbone.earlier_cuts, backbone.cut_layer)
    tensors = {name: slice_.get_layer(name).output for name in stages}
    batch_norms, rectifiers = {}, []
    for layer in slice_.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            if np.ptp(np.asarray(layer.moving_variance)) > 0:
                key = f"{layer.name}/input"
                batch_norms[key] = layer
                tensors[key] = layer.input
        elif _rectifies(layer):
            rectifiers.append(layer.name)
            tensors[layer.name] = layer.output
    model = keras.Model(slice_.input, tensors, name="probes")
    return Probes(model, stages, batch_norms, tuple(rectifiers))


def _rectifies(layer: keras.layers.Layer) -> bool:
    """Whether a layer is a rectifier or ends in one."""
    return isinstance(layer, keras.layers.ReLU) or (
        getattr(layer, "activation", None) is keras.activations.relu
    )


@dataclasses.dataclass(frozen=True)
class Reading:
    """What the probes saw of a sample of images.

    Attributes:
        summaries: Key to `(3, N, C)` float32: mean, variance and share of
            zeros (or less) over the positions of each image and channel.
        covariance: Of the feature maps, over positions and images, `(M, M)`.
        maps: Feature maps of the first images, `(n, h * w * M)` float32.
    """

    summaries: Mapping[str, np.ndarray]
    covariance: np.ndarray
    maps: np.ndarray

    def style(self, key: str) -> np.ndarray:
        """Mean and deviation of each image and channel, `(N, 2 C)`."""
        mean, variance, _ = self.summaries[key]
        return np.concatenate([mean, np.sqrt(variance)], axis=1)

    def statistics(self, key: str) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of each channel over all images, `(C,)` each."""
        mean, variance, _ = self.summaries[key].astype(np.float64)
        return mean.mean(axis=0), variance.mean(axis=0) + mean.var(axis=0)

    def zeros(self, key: str) -> tuple[float, float]:
        """Share of zeros, and of channels that are 0 on every image."""
        zeros = self.summaries[key][ZEROS]
        return float(zeros.mean()), float((zeros == 1).all(axis=0).mean())


def read(
    probes: Probes,
    front: keras.Model,
    batches: Iterable[np.ndarray],
    *,
    num_kept: int,
    report: Callable[[int], object] = lambda count: None,
) -> Reading:
    """Runs images through a slice, batch by batch.

    Args:
        probes: Where to look.
        front: Images to the input of the slice.
        batches: Images `(n, H, W, C)`.
        num_kept: Images whose feature maps are kept.
        report: Called with the number of images after each batch.
    """
    summaries: dict[str, list[np.ndarray]] = {}
    moments: Moments | None = None
    kept: list[np.ndarray] = []
    left = num_kept
    for images in batches:
        batch, maps = probes.run(front(images))
        for key, summary in batch.items():
            summaries.setdefault(key, []).append(summary.numpy())
        values = maps.numpy()
        moments = moments or Moments(values.shape[-1])
        moments.add(values)
        if left > 0:
            kept.append(values[:left].reshape(len(values[:left]), -1))
            left -= len(values)
        report(len(images))
    assert moments is not None
    return Reading(
        {key: np.concatenate(parts, 1) for key, parts in summaries.items()},
        moments.covariance(),
        np.concatenate(kept) if kept else np.zeros((0, 0), np.float32),
    )


def _summary(x: tf.Tensor) -> tf.Tensor:
    """`(N, h, w, C)` to `(3, N, C)`, as in `Reading.summaries`."""
    mean, variance = tf.nn.moments(x, (1, 2))
    zeros = tf.reduce_mean(tf.cast(x <= 0, tf.float32), (1, 2))
    return tf.stack([mean, variance, zeros])
