"""The samples that are run through a slice, and what prepares each."""

import dataclasses
from collections.abc import Callable, Iterator

import keras
import numpy as np

from trainers import backbones
from trainers.config import TrainConfig
from trainers.network import input_layers, model
from trainers.shift.comparison import Seen
from trainers.shift.natural_images import NaturalImages
from trainers.shift.options import FITTED, ShiftOptions
from trainers.shift.text_images import TextImages

# Kinds of natural images: those that all others are compared with; others of
# the same source, which differ by chance; and the first without colour.
NATURAL, OTHERS, GREY = "natural", "natural, others", "natural, grey"
_BATCH = 32

Batches = Callable[[], Iterator[np.ndarray]]


@dataclasses.dataclass(frozen=True)
class Samples:
    """Natural images and texts as images.

    Attributes:
        natural: Twice as many as texts: the second half are the others.
        texts: The texts.
    """

    natural: NaturalImages
    texts: TextImages


def plan_of(
    options: ShiftOptions, samples: Samples, backbone: backbones.Backbone
) -> Iterator[tuple[Seen, keras.Model, Batches]]:
    """Yields samples with what prepares them; natural ones come first."""
    config = TrainConfig(
        backbone=backbone.name, contrast=1.0, upsample=options.upsample
    )
    height, width = samples.texts.images[FITTED].shape[1:3]
    size = height * config.enlargement, width * config.enlargement
    count = options.sample
    as_it_is = dataclasses.replace(config, upsample=1)
    modes = dict.fromkeys(
        options.natural_of(backbone.name, each)
        for each in options.normalizations
    )
    for mode in modes:
        for name, images, channels in (
            (NATURAL, samples.natural[:count], 3),
            (OTHERS, samples.natural[count:], 3),
            (GREY, samples.natural[:count], 1),
        ):
            batches = _natural_batches(images, size, channels)
            yield (
                Seen(backbone.name, name, mode),
                _front(as_it_is, mode, (*size, channels), batches),
                batches,
            )
    for variant, values in samples.texts.images.items():
        for mode in options.normalizations:
            batches = _text_batches(values)
            yield (
                Seen(backbone.name, variant, mode),
                _front(config, mode, values.shape[1:], batches),
                batches,
            )


def _front(
    config: TrainConfig,
    normalization: str,
    shape: tuple[int, ...],
    batches: Batches,
) -> keras.Model:
    """Builds what comes before the slice, as a run has it; fits it."""
    image = keras.Input(shape, name="image")
    config = dataclasses.replace(config, normalization=normalization)
    front = keras.Model(image, model.prepare_image(config, image))
    for layer in front.layers:
        if isinstance(layer, input_layers.DatasetNormalization):
            layer.fit(batches())
    return front


def _natural_batches(
    images: NaturalImages, size: tuple[int, int], channels: int
) -> Batches:
    def batches() -> Iterator[np.ndarray]:
        for batch in images.batches(*size, _BATCH):
            yield to_grey(batch) if channels == 1 else batch

    return batches


def _text_batches(images: np.ndarray) -> Batches:
    def batches() -> Iterator[np.ndarray]:
        for start in range(0, len(images), _BATCH):
            yield images[start : start + _BATCH]

    return batches


def to_grey(images: np.ndarray) -> np.ndarray:
    """Converts RGB `(..., 3)` to its luma `(..., 1)` (ITU-R BT.601)."""
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    return (images @ weights)[..., np.newaxis]
