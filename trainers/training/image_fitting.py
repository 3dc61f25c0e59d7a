"""Fits what a run knows of its train images: `runs.train_images`."""

import dataclasses
import math

import numpy as np
import scipy.linalg

from tfrecords import paths, schema
from trainers.runs.train_images import TrainImages
from trainers.training.inputs import read_images

# The directions are fitted to this many train images at most.
_MOST_FITTED = 2048
_MOST_BYTES = 256 << 20
# A text is novel above all along directions in which train images hardly
# vary: with 64 of them, nonsense is as near as the reviews of the demo
# (docs/guide/serving.md, "Texts unlike the corpus").
_MOST_DIRECTIONS = 256
# Images per direction; fewer do not determine its variance.
_IMAGES_PER_DIRECTION = 5
_MOST_QUANTILES = 1001
_SEED = 0
# Images that are all alike have no variance; this one only orders distances.
_LEAST_VARIANCE = 1e-12
_TINY = np.finfo(np.float64).tiny


def fit(records: paths.Path, manifest: schema.Manifest) -> TrainImages:
    """Fits the mean to all train images and the rest to a sample of them.

    The memory does not grow with the number of images. The sample is drawn
    from a fixed seed.

    Args:
        records: Directory of the `image` records.
        manifest: Manifest of the records.
    """
    num_train = manifest.num_examples("train")
    shape = manifest.schema.shape
    rng = np.random.default_rng(_SEED)
    most = max(_MOST_BYTES // (4 * math.prod(shape)), _MOST_DIRECTIONS)
    size = min(num_train, _MOST_FITTED, most)
    rows = np.sort(rng.choice(num_train, size, replace=False))
    total = np.zeros(shape)
    sample = []
    start = 0
    for batch in read_images(records, "train", manifest):
        images = batch["image"]
        total += images.sum(axis=0, dtype=np.float64)
        stop = start + len(images)
        drawn = rows[(rows >= start) & (rows < stop)]
        sample.append(images[drawn - start])
        start = stop
    mean = (total / num_train).astype(np.float32)
    fitted = _fit_directions(mean, np.concatenate(sample))
    distances = np.concatenate(
        [
            fitted.distances(batch["image"])
            for batch in read_images(records, "validation", manifest)
        ]
    )
    count = min(len(distances), _MOST_QUANTILES)
    quantiles = np.quantile(distances, np.linspace(0, 1, count))
    return dataclasses.replace(fitted, quantiles=quantiles.astype(np.float32))


def _fit_directions(mean: np.ndarray, sample: np.ndarray) -> TrainImages:
    flat = sample.reshape(len(sample), -1)
    pixels = np.flatnonzero((flat != flat[0]).any(axis=0)).astype(np.int32)
    flat = flat[:, pixels]
    count = min(
        _MOST_DIRECTIONS, len(flat) // _IMAGES_PER_DIRECTION, len(pixels) - 1
    )
    directions, variances = _principal_directions(flat, max(count, 0))
    rest = flat.var(axis=0).sum() - variances.sum()
    return TrainImages(
        mean,
        pixels,
        directions.astype(np.float32),
        _positive(variances),
        _positive(rest / max(len(pixels) - len(variances), 1)),
    )


def _principal_directions(
    rows: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Directions `(k, V)` of the largest variances `(k,)` of rows `(n, V)`."""
    if not count:
        return np.zeros((0, rows.shape[1])), np.zeros(0)
    centred = (rows - rows.mean(axis=0)).astype(np.float64)
    # The eigenvectors of the smaller of two matrices give those of the other.
    is_wide = rows.shape[1] > len(rows)
    scatter = centred @ centred.T if is_wide else centred.T @ centred
    size = len(scatter)
    values, vectors = scipy.linalg.eigh(
        scatter, subset_by_index=(size - count, size - 1)
    )
    if is_wide:
        vectors = centred.T @ vectors
        vectors /= np.maximum(np.linalg.norm(vectors, axis=0), _TINY)
    return vectors.T, np.maximum(values, 0) / len(rows)


def _positive(variance: np.ndarray) -> np.ndarray:
    return np.maximum(variance, _LEAST_VARIANCE).astype(np.float32)
