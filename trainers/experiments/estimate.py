"""How long trainings will take, from one batch of each kind."""

import dataclasses
import pathlib
import time

import keras
import numpy as np

from text2image import options
from trainers.experiments import plan
from trainers.network import model, optimizer
from trainers.training import feature_cache

# Of the paper's corpus; --limit_train and --limit_validation count instead.
_PAPER_SIZE = (40_000, 10_000)
_BATCH = 64


def estimate(
    planned: list[plan.Cell], workdir: pathlib.Path
) -> dict[str, float]:
    """Estimates the seconds of every cell that is not finished.

    One batch through the slice and one training step are timed on random
    pictures and weights, once for each distinct network. Nothing is read: the
    corpus is taken to have the paper's 40,000 and 10,000 texts, or the limits.

    Args:
        planned: Cells, each once.
        workdir: The table's directory.

    Returns:
        Cell directory to seconds.
    """
    seconds = {}
    timed: dict[str, tuple[float, float]] = {}
    shared: set[str] = set()
    for cell in planned:
        if (workdir / "cells" / cell.directory / "metrics.json").is_file():
            continue
        config = dataclasses.replace(cell.train, weights="random", seed=0)
        records = cell.records
        shape = (
            records.image_height,
            records.image_width,
            options.NUM_CHANNELS[records.channels],
        )
        kind = f"{config} {shape}"
        if kind not in timed:
            timed[kind] = _time(config, shape)
        slice_seconds, step_seconds = timed[kind]
        num_train, num_validation = (
            limit or size
            for limit, size in zip(
                (records.limit_train, records.limit_validation),
                _PAPER_SIZE,
                strict=True,
            )
        )
        total = config.epochs * num_train * step_seconds
        both = num_train + num_validation
        if not config.has_constant_maps:
            total += config.epochs * both * slice_seconds
        elif kind not in shared:  # seeds share one set of maps
            total += both * slice_seconds
            shared.add(kind)
        seconds[cell.directory] = total
    return seconds


def _time(
    config: model.TrainConfig, shape: tuple[int, int, int]
) -> tuple[float, float]:
    """Seconds an image, through the slice and of a training step."""
    keras.backend.clear_session()
    models = model.build_models(config, shape, 2)
    rng = np.random.default_rng(0)
    images = rng.uniform(size=(_BATCH, *shape)).astype(np.float32)
    maps = feature_cache.predict(models.features, images)[: config.batch_size]
    labels = np.arange(len(maps)) % 2
    models.classifier.compile(
        optimizer=optimizer.PartwiseAdam(config.learning_rates),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    models.classifier.train_on_batch(maps, labels)
    start = time.monotonic()
    feature_cache.predict(models.features, images)
    middle = time.monotonic()
    models.classifier.train_on_batch(maps, labels)
    end = time.monotonic()
    return (middle - start) / _BATCH, (end - middle) / len(maps)
