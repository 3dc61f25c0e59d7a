"""Trains what a table lacks, and the regressions on its feature maps."""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
from absl import logging

from tfrecords import build, reader
from tfrecords.command_line import USER_ERRORS
from tfrecords.config import RecordsConfig
from tfrecords.paths import Path
from trainers.experiments import baselines, kept_results
from trainers.experiments.plan import Row, Training, unique_trainings
from trainers.network import model
from trainers.runs.holding import hold
from trainers.runs.workdir import CONFIG_FILE, METRICS_FILE, is_finished
from trainers.training import frozen_half
from trainers.training.feature_cache import FeatureCache
from trainers.training.train import train_and_evaluate

_SHARED_MAPS = "frozen_maps"


def describe(rows: Sequence[Row], workdir: pathlib.Path) -> Iterator[str]:
    """Yields one line per training of a plan: what is done, what is to do."""
    seen = set()
    num_left = 0
    for row in rows:
        for training in row.trainings:
            if training.name in seen:
                note = "same as above"
            elif is_finished(training.path(workdir)):
                note = f"finished in {_seconds(training.path(workdir)):,.0f} s"
            else:
                note = "to do"
                num_left += 1
            seen.add(training.name)
            yield f"{row.group}: {row.name}, seed {training.train.seed}: {note}"
    yield f"{num_left} of {len(seen)} trainings to do"


def _seconds(path: pathlib.Path) -> float:
    """Time between the first and the last file of a finished training.

    It includes the time between a kill and the command that resumed it.
    """
    first, last = (
        (path / name).stat().st_mtime for name in (CONFIG_FILE, METRICS_FILE)
    )
    return last - first


def weights_to_load(
    rows: Sequence[Row], workdir: pathlib.Path
) -> Iterator[tuple[str, str]]:
    """Yields backbone and weights of every training that is not finished."""
    for _, training in unique_trainings(rows).values():
        if not is_finished(training.path(workdir)):
            yield training.train.backbone, training.train.weights


def train_all(
    rows: Sequence[Row],
    image_dirs: dict[RecordsConfig, Path],
    workdir: pathlib.Path,
) -> dict[str, str]:
    """Trains everything that is not finished, each training once.

    One training that fails does not stop the others.

    Args:
        rows: Rows of the table.
        image_dirs: Image records that exist already; those built on the way
            are added.
        workdir: Directory of the table.

    Returns:
        Name of every training that failed, with the error's message.
    """
    failures = {}
    unique = unique_trainings(rows)
    for number, (name, (row, training)) in enumerate(unique.items(), start=1):
        logging.info(
            "table: %d of %d, %s: %s, seed %d",
            number,
            len(unique),
            row.group,
            row.name,
            training.train.seed,
        )
        try:
            if training.records not in image_dirs:
                _, image_dir = build.prepare_records(training.records)
                image_dirs[training.records] = image_dir
            _train(training, image_dirs[training.records], workdir)
        except USER_ERRORS as error:
            logging.error("table: not trained: %s", error)
            failures[name] = str(error)
    FeatureCache(workdir / _SHARED_MAPS).clear()
    return failures


def _train(training: Training, image_dir: Path, workdir: pathlib.Path) -> None:
    """Trains one, or checks that a finished one had the same records."""
    keras.backend.clear_session()
    path = training.path(workdir)
    with hold(path):
        train_and_evaluate(
            training.train.on_records(image_dir),
            path,
            shared_maps=workdir / _SHARED_MAPS,
        )


def regressions_on_maps(
    rows: Sequence[Row],
    failures: Mapping[str, str],
    image_dir: Path,
    workdir: pathlib.Path,
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Fits logistic regression to the feature maps of every backbone.

    Args:
        rows: Rows of the table.
        failures: Trainings that failed; they are left out.
        image_dir: The base's image records.
        workdir: Directory of the table.

    Returns:
        Backbone to result, and `maps of` the backbones that failed to the
        error's message.
    """
    results, map_failures = {}, {}
    for row in rows:
        first = row.trainings[0]
        if row.group != "backbones" or first.name in failures:
            continue
        if not first.train.has_constant_maps:
            continue  # they are not a function of the image alone
        try:
            results[row.name] = _regression_on_maps(first, image_dir, workdir)
        except USER_ERRORS as error:
            logging.error("table: no regression on maps: %s", error)
            map_failures[f"maps of {row.name}"] = str(error)
    return results, map_failures


def _regression_on_maps(
    training: Training, image_dir: Path, workdir: pathlib.Path
) -> dict[str, Any]:
    """Fits logistic regression to the feature maps of a training.

    Kept by slice and records: other trainings with the same maps reuse it.

    Args:
        training: Whose slice and contrast to use.
        image_dir: Its image records.
        workdir: Directory of the table.

    Returns:
        As `baselines.logistic_regression`.
    """
    manifest = reader.open_records(image_dir, kind="image")
    # The maps themselves, not the code that the linear autoencoder adds.
    config = dataclasses.replace(training.train, autoencoder="symmetric")
    models = model.build_models(
        config, manifest.schema.shape, len(manifest.schema.label_names)
    )
    key = frozen_half.key(config.slice_settings, manifest, models)
    path = workdir / "maps" / f"{config.backbone}-{key[:12]}.json"
    if result := kept_results.read(path, manifest.fingerprint):
        return result
    path.parent.mkdir(exist_ok=True)
    cache = FeatureCache(
        path.parent / _SHARED_MAPS, limit_bytes=config.cache_gb * 1e9
    )
    try:
        inputs = frozen_half.prepare(
            image_dir,
            manifest,
            models,
            cache,
            is_constant=config.has_constant_maps,
            batch_size=config.batch_size,
        )
        return baselines.frozen_maps(inputs, path, manifest.fingerprint)
    finally:
        cache.clear()
