"""The half of a network that no step changes: fitted once, computed once."""

import functools
import hashlib
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tqdm
from absl import logging

from tfrecords import paths, schema
from trainers.network import linear_autoencoder, model
from trainers.runs import checkpoints
from trainers.training.feature_cache import FeatureCache
from trainers.training.inputs import Inputs, predict, read_images

# The linear autoencoder is fitted on this many train images at most: it has
# hundreds of weights per pixel, not tens of thousands.
_MAX_FITTED = 10_000


def prepare(
    records: paths.Path,
    manifest: schema.Manifest,
    models: model.Models,
    cache: FeatureCache,
    *,
    is_constant: bool,
    batch_size: int,
) -> dict[str, Inputs]:
    """Fits the frozen half to the train images and computes its output.

    What is fitted: the mean image of the contrast, the normalisation by the
    data set, and the linear autoencoder.

    Args:
        records: Directory of the `image` records.
        manifest: Manifest of the records.
        models: The network; its frozen half is fitted in place.
        cache: Where the output is kept or found.
        is_constant: Whether the features of an image depend on it alone. If
            not, the images are kept in their place.
        batch_size: Images per batch of the fit.

    Returns:
        Split name to what the trained half reads.
    """
    fitted = checkpoints.variables(models.features)
    inputs = cache.open(fitted)
    if inputs is None:
        if cache.workers.is_chief:
            _fit(records, manifest, models, batch_size)
        cache.workers.copy_from_chief(fitted.values())
        extractor = models.features if is_constant else None
        inputs = cache.fill(records, manifest, extractor, fitted)
    return inputs


def key(
    slice_settings: Mapping[str, Any],
    manifest: schema.Manifest,
    models: model.Models,
) -> str:
    """Hashes everything that the features depend on.

    Args:
        slice_settings: Settings of the run that change features.
        manifest: Manifest of the records.
        models: The network before `prepare`: weights that are still to be
            fitted are zeros, so that the key does not depend on the fit.

    Returns:
        64 hex digits.
    """
    has_code = models.linear_code is not None
    digest = hashlib.sha256(
        f"{slice_settings} {has_code} {manifest.fingerprint}".encode()
    )
    for weight in models.features.weights:
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()


def image_variance_kept(
    records: paths.Path,
    manifest: schema.Manifest,
    code: linear_autoencoder.LinearReconstruction,
    estimates: Any,
) -> float | None:
    """Measures how much of the validation images the linear code keeps.

    Args:
        records: Directory of the `image` records.
        manifest: Manifest of the records.
        code: The fitted autoencoder.
        estimates: Codes of the validation images, `(N, h, w, S)`.

    Returns:
        R^2 over the pixels that vary, each in units of its deviation, around
        the mean train image; `None` if no pixel varies.
    """
    start, error, total = 0, 0.0, 0.0
    for batch in read_images(records, "validation", manifest):
        pixels = code.standardized(batch["image"])
        stop = start + len(pixels)
        residuals = pixels - estimates[start:stop]
        error += float(np.square(residuals, dtype=np.float64).sum())
        total += float(np.square(pixels, dtype=np.float64).sum())
        start = stop
    return 1.0 - error / total if total else None


def _fit(
    records: paths.Path,
    manifest: schema.Manifest,
    models: model.Models,
    batch_size: int,
) -> None:
    images = functools.partial(_train_images, records, manifest)
    if models.contrast is not None:
        models.contrast.fit(images())
    if models.dataset_normalization is not None:
        layer = models.dataset_normalization
        before = keras.Model(models.extractor.input, layer.input)
        layer.fit(predict(before, batch) for batch in images())
    if models.linear_code is not None:
        r_squared = models.linear_code.fit(
            _images_and_maps(records, manifest, models, batch_size)
        )
        logging.info("linear autoencoder: R^2 %.3f on train images", r_squared)


def _train_images(
    records: paths.Path, manifest: schema.Manifest
) -> Iterator[np.ndarray]:
    for batch in read_images(records, "train", manifest):
        yield batch["image"]


def _images_and_maps(
    records: paths.Path,
    manifest: schema.Manifest,
    models: model.Models,
    batch_size: int,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields batches from all over the train split, which may be sorted."""
    count = manifest.num_examples("train")
    step = -(-count // _MAX_FITTED)
    batches = read_images(records, "train", manifest, batch_size)
    with tqdm.tqdm(
        total=-(-count // batch_size // step) * batch_size,
        unit="image",
        desc="linear autoencoder",
    ) as progress:
        for batch in itertools.islice(batches, 0, None, step):
            images = batch["image"]
            yield images, predict(models.extractor, images)
            progress.update(len(images))
