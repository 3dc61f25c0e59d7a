"""Scaler and pixel map from the train stacks, in one or two passes."""

import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tqdm
from absl import logging

from text2image import pixel_map, projection, scaling, statistics
from tfrecords import config, reader, schema


def fit_pixel_map(
    settings: config.RecordsConfig,
    cls_dir: pathlib.Path,
    manifest: schema.Manifest,
    provenance: dict[str, Any],
) -> pixel_map.PixelMap:
    """Fits on the train split only.

    The first pass gathers what the scalers need; an affine scaler's Gram
    matrix follows from it, the others take a second pass. Memory: three
    (F, F) matrices of doubles, whatever the corpus.

    Args:
        settings: Scaler, projection and picture size.
        cls_dir: The `cls` records.
        manifest: Their manifest.
        provenance: Kept with the map.
    """
    num_features = int(np.prod(manifest.schema.shape))
    stats = statistics.FeatureStatistics.empty(num_features)
    for rows in _train_rows(cls_dir, manifest):
        stats.update(rows)
    scaler = scaling.fit_scaler(settings.scaler, stats)
    if scaler.is_affine:
        gram = scaler.scaled_gram(stats)
    else:
        scaled = statistics.FeatureStatistics.empty(num_features)
        for rows in _train_rows(cls_dir, manifest):
            scaled.update(scaler.transform(rows))
        gram = scaled.gram_matrix()
    logging.info(
        "map: %s of %d features%s",
        settings.projection,
        num_features,
        # It shows no progress of its own.
        " (4,608 take about a minute)" if settings.projection == "tsne" else "",
    )
    points, figures = projection.project(
        gram,
        projection.Projection(
            method=settings.projection,
            metric=settings.metric,
            perplexity=settings.perplexity,
            init=settings.tsne_init,
            learning_rate=settings.tsne_learning_rate,
            max_iter=settings.tsne_iterations,
            seed=settings.map_seed,
        ),
    )
    fitted = pixel_map.fit_pixel_map(
        points,
        (settings.image_height, settings.image_width),
        scaler,
        compat=settings.compat,
    )
    density = fitted.density()
    figures |= {
        "num_features": num_features,
        "constant_features": int((scaler.maximum == scaler.minimum).sum()),
        "occupied_pixels": int((density > 0).sum()),
        "most_features_in_a_pixel": int(density.max()),
    }
    fitted.provenance.update(
        provenance, layers=manifest.details["layers"], figures=figures
    )
    logging.info(
        "map: %d features on %d of %d pixels, at most %d in one",
        num_features,
        figures["occupied_pixels"],
        density.size,
        figures["most_features_in_a_pixel"],
    )
    return fitted


def _train_rows(
    cls_dir: pathlib.Path, manifest: schema.Manifest
) -> Iterator[np.ndarray]:
    """Batches of train stacks as rows `(n, F)` float32."""
    dataset = reader.read_records(
        cls_dir, "train", batch_size=1024, manifest=manifest
    )
    with tqdm.tqdm(
        total=manifest.num_examples("train"), unit="text", desc="statistics"
    ) as progress:
        for batch in dataset:
            stacks = batch["stack"].numpy()
            yield stacks.reshape(len(stacks), -1)
            progress.update(len(stacks))
