"""The same texts as images of several kinds."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from scipy import ndimage

from tfrecords import build, paths, reader
from tfrecords.config import RecordsConfig
from trainers.shift.options import SMOOTHED, VARIANTS
from trainers.training import inputs


@dataclasses.dataclass(frozen=True)
class TextImages:
    """Images of the same texts, in the same order.

    Attributes:
        name: Name of the corpus.
        ids: Record ids of the texts.
        images: Variant to images `(N, H, W, C)` float32.
        fingerprints: Variant to the fingerprint of its records.
    """

    name: str
    ids: tuple[str, ...]
    images: Mapping[str, np.ndarray]
    fingerprints: Mapping[str, str]


def records_of(settings: RecordsConfig, variant: str) -> RecordsConfig:
    """Returns the settings of the records that a variant is read from."""
    return dataclasses.replace(settings, **VARIANTS[variant])


def read_sample(
    settings: RecordsConfig,
    variants: Sequence[str],
    count: int,
    seed: int,
    sigma: float,
) -> TextImages:
    """Draws train texts without replacement; builds records that are missing.

    Args:
        settings: Settings of the records.
        variants: Keys of `VARIANTS`.
        count: Number of texts.
        seed: Seed of the draw.
        sigma: Deviation of the Gaussian that smooths, in pixels; beyond an
            image its border is repeated.

    Raises:
        ValueError: If there are fewer train texts.
    """
    images, fingerprints = {}, {}
    ids: tuple[str, ...] = ()
    for variant in variants:
        _, directory = build.prepare_records(records_of(settings, variant))
        manifest = reader.open_records(directory, kind="image")
        available = manifest.num_examples("train")
        if available < count:
            raise ValueError(
                f"--sample must be at most the number of train texts, "
                f"{available}. Received: {count}"
            )
        order = np.random.default_rng(seed).permutation(available)[:count]
        drawn = dict(_read(directory, set(order.tolist())))
        ids = tuple(drawn[row][0] for row in order.tolist())
        stacked = np.stack([drawn[row][1] for row in order.tolist()])
        if variant == SMOOTHED:
            stacked = ndimage.gaussian_filter(
                stacked, (0, sigma, sigma, 0), mode="nearest"
            )
        images[variant] = stacked
        fingerprints[variant] = manifest.fingerprint
    return TextImages(directory.parent.name, ids, images, fingerprints)


def _read(
    directory: paths.Path, rows: set[int]
) -> Iterator[tuple[int, tuple[str, np.ndarray]]]:
    """Yields row, record id and image of some of the train texts."""
    manifest = reader.open_records(directory, kind="image")
    row = 0
    for batch in inputs.read_images(directory, "train", manifest):
        for key, image in zip(batch["id"].numpy(), batch["image"], strict=True):
            if row in rows:
                yield row, (key.decode(), image)
            row += 1
