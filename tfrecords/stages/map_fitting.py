"""Scaler and pixel map from the train stacks, in two passes over them."""

from typing import Any

import numpy as np
import tqdm
from absl import logging

from text2image import devices, options
from text2image.deepinsight import pixel_map, projection, scaling, statistics
from tfrecords import schema
from tfrecords.config import RecordsConfig
from tfrecords.paths import Path
from tfrecords.stages import map_checks
from tfrecords.stages.feature_sums import Distances, Statistics, sums_of_groups
from tfrecords.units.runner import LOCAL, Runner


def fit_pixel_map(
    settings: RecordsConfig,
    cls_dir: Path,
    manifest: schema.Manifest,
    provenance: dict[str, Any],
    *,
    directory: Path,
    runner: Runner = LOCAL,
) -> pixel_map.PixelMap:
    """Fits scaler and pixel map on the train split only.

    The first pass collects the statistics of the scaler, the second the Gram
    matrix of the scaled features. Memory: three (F, F) float64 matrices,
    whatever the size of the corpus.

    Args:
        settings: Scaler, projection and image size.
        cls_dir: Directory of the `cls` records.
        manifest: Manifest of these records.
        provenance: Provenance that the map keeps.
        directory: Gets the sums of each group of shards, if there are several.
        runner: What adds the groups up.
    """
    map_checks.check_map_settings(settings, manifest.schema.shape)
    scaler, gram = _fit_scaler(settings, cls_dir, manifest, directory, runner)
    logging.info("map: %s of %d features", settings.projection, len(gram))
    points, figures = _project(settings, gram)
    fitted = pixel_map.fit_pixel_map(
        points,
        (settings.image_height, settings.image_width),
        scaler,
        channel=_channels(settings, manifest.schema.shape),
        assignment=settings.assignment,
        fill=settings.fill,
        shuffle_seed=(
            settings.map_seed if settings.layout == "shuffled" else None
        ),
        compat=settings.compat,
    )
    fitted.provenance.update(
        provenance,
        layers=manifest.details["layers"],
        figures=figures | _counts(fitted),
    )
    return fitted


def map_device(settings: RecordsConfig) -> str:
    """Returns the device of t-SNE's steps: `gpu` where there is one."""
    if (settings.projection, settings.tsne_method) != ("tsne", "exact"):
        return "cpu"
    return "gpu" if devices.has_gpu() else "cpu"


def _fit_scaler(
    settings: RecordsConfig,
    cls_dir: Path,
    manifest: schema.Manifest,
    directory: Path,
    runner: Runner,
) -> tuple[scaling.Scaler, np.ndarray]:
    """Returns the scaler and the `(F, F)` Gram matrix of scaled features."""
    stats = statistics.FeatureStatistics.empty(
        int(np.prod(manifest.schema.shape))
    )
    stage = Statistics(directory, cls_dir, manifest)
    for sums in sums_of_groups(stage, runner):
        stats.merge(statistics.FeatureStatistics.from_arrays(sums))
    scaler = scaling.fit_scaler(settings.scaler, stats)
    origin = scaler.transform((stats.total / stats.count)[None])[0]
    gram = statistics.GramMatrix(origin)
    stage = Distances(directory, cls_dir, manifest, scaler, origin)
    for sums in sums_of_groups(stage, runner):
        gram.merge(sums)
    return scaler, gram.matrix()


def _counts(fitted: pixel_map.PixelMap) -> dict[str, int]:
    """Counts features and pixels, and logs the counts."""
    density = fitted.density()
    scaler = fitted.scaler
    counts = {
        "num_features": fitted.num_features,
        "constant_features": int((scaler.maximum == scaler.minimum).sum()),
        "occupied_pixels": int((density > 0).sum()),
        "most_features_in_a_pixel": int(density.max()),
    }
    logging.info(
        "map: %d features on %d of %d pixels, at most %d in one",
        counts["num_features"],
        counts["occupied_pixels"],
        density.size,
        counts["most_features_in_a_pixel"],
    )
    return counts


def _project(
    settings: RecordsConfig, gram: np.ndarray
) -> tuple[np.ndarray, dict[str, Any]]:
    perplexity = map_checks.perplexity_for(settings, len(gram))
    if perplexity != settings.perplexity:
        logging.info(
            "map: perplexity %g for %d features", perplexity, len(gram)
        )
    method = projection.Projection(
        method=settings.projection,
        tsne_method=settings.tsne_method,
        metric=settings.metric,
        perplexity=perplexity,
        init=settings.tsne_init,
        learning_rate=settings.tsne_learning_rate,
        max_iter=settings.tsne_iterations,
        seed=settings.map_seed,
        device=map_device(settings),
    )
    if (settings.projection, settings.tsne_method) != ("tsne", "exact"):
        return projection.project(gram, method)
    with tqdm.tqdm(
        total=settings.tsne_iterations, unit="step", desc="t-SNE"
    ) as progress:
        return projection.project(gram, method, progress=progress.update)


def _channels(
    settings: RecordsConfig, stack_shape: tuple[int, ...]
) -> np.ndarray:
    """Returns `(F,)` the channel of each feature: equal runs of layers."""
    num_layers, hidden = stack_shape
    num_channels = options.NUM_CHANNELS[settings.channels]
    layers = np.arange(num_layers) * num_channels // num_layers
    return np.repeat(layers, hidden)
