"""The best classifier for given texts within some minutes.

TF-IDF on all texts; logistic regression on stacks and the image route on as
many as there is time for; blends of them. The choice is by cross-validation on
the train side; the validation side judges it at the end.
"""

import dataclasses
import functools
import operator
import pathlib
from typing import Any

import numpy as np
from absl import logging

from tfrecords import files, paths, reader
from tfrecords.config import RecordsConfig
from tfrecords.stages import images as image_records
from tfrecords.stages import stacks as stack_records
from tfrecords.units.runner import LOCAL
from trainers.config import TrainConfig
from trainers.runs import holding
from trainers.runs.workdir import (
    MODEL_FILE,
    PREDICTIONS_FILE,
    REPORT_FILE,
    finish,
    is_finished,
    read_metrics,
)
from trainers.selection import (
    candidates,
    claim,
    folds,
    image_route,
    outcome,
    report,
    stacks,
)
from trainers.selection.candidates import CHARACTERS, Candidate
from trainers.selection.clock import Clock, OutOfTimeError
from trainers.selection.texts import Texts
from trainers.selection.texts import read as read_texts
from trainers.serving.chosen import IMAGES, MEMBERS, STACKS, TERMS
from trainers.training import loop, train
from trainers.weights import load

_CANDIDATES = "candidates"
_FEATURES = "features"
_LEFT_OUT = "image route: left out"
# Shares of the time left when a stage starts.
_SHARES = {TERMS: 0.25, CHARACTERS: 0.35, STACKS: 0.4}
# Of a fit to words and characters, in fits to words.
_CHARACTERS_COST = 5
# The image route is left out with less of all minutes left: its map alone
# takes half a minute.
_LEAST_LEFT = 0.15


@loop.deterministic()
def find_best(
    minutes: float,
    config: TrainConfig,
    records: RecordsConfig,
    workdir: pathlib.Path,
) -> dict[str, Any]:
    """Trains the candidates, chooses one and evaluates it.

    Args:
        minutes: Time for all of it; a few more may be needed.
        config: Settings of the image route.
        records: Settings of its records; names the corpus.
        workdir: Directory of the run.

    Returns:
        The contents of metrics.json.

    Raises:
        ValueError: If the corpus is refused, or the directory holds a run
            with other settings.
    """
    files.make_directory(workdir, "workdir")
    clock = Clock(workdir, minutes)
    texts = read_texts(records)
    claim.claim(minutes, config, records, texts, workdir)
    if is_finished(workdir):
        metrics = read_metrics(workdir, (MEMBERS,))
        logging.info("best: reusing %s", workdir)
        return metrics
    fold = folds.deal(texts.train.texts, texts.train.labels)
    trained = _terms(texts, fold, clock, workdir)
    cls_dir = None
    counts = None
    with clock.stage("encoder"):
        counts = clock.decide(
            "texts encoded (train, validation)",
            lambda: stacks.limits(records, texts, clock),
        )
        if counts[0]:
            cls_dir = stack_records.prepare_cls(
                _limited(records, texts, counts), LOCAL
            )
    if cls_dir is not None:
        trained[STACKS] = _stacks(cls_dir, texts, fold, clock, workdir)
        route = _images(
            minutes,
            config,
            _limited(records, texts, counts),
            cls_dir,
            texts,
            fold,
            clock,
            workdir,
        )
        if route is not None:
            trained[IMAGES] = route
    metrics = outcome.choose(trained, texts, clock, workdir, cls_dir)
    names = [
        path.relative_to(workdir).as_posix()
        for path in sorted((workdir / _CANDIDATES).glob("*.np*"))
    ]
    report.write(workdir, metrics)
    finish(
        workdir,
        (*names, MODEL_FILE, PREDICTIONS_FILE, REPORT_FILE),
        metrics,
    )
    return metrics


def _limited(
    records: RecordsConfig, texts: Texts, counts: list[int]
) -> RecordsConfig:
    """The settings of records with as many texts as there is time for."""
    sizes = len(texts.train.ids), len(texts.validation.ids)
    names = ("limit_train", "limit_validation")
    changes: dict[str, Any] = {
        name: count
        for name, count, size in zip(names, counts, sizes, strict=True)
        if count < size
    }
    return dataclasses.replace(records, **changes)


def _terms(
    texts: Texts, fold: np.ndarray, clock: Clock, workdir: pathlib.Path
) -> dict[str, Candidate]:
    """Trains TF-IDF of words, and of words and characters if time allows."""
    trained = {}
    for name, kinds in (
        (TERMS, ("words",)),
        (CHARACTERS, ("words", "characters")),
    ):
        allowed = _SHARES[name] * clock.left
        if name == CHARACTERS:
            seconds = (
                _CHARACTERS_COST
                * clock.decisions[f"{TERMS}: folds"]["fit_seconds"]
            )
            if not clock.decide(
                f"{name}: tried",
                functools.partial(operator.lt, 2 * seconds, allowed),
            ):
                continue
        with clock.stage(name):
            trained[name] = candidates.kept(
                workdir / _CANDIDATES / f"{name}.npz",
                functools.partial(
                    candidates.of_terms,
                    name,
                    kinds,
                    texts,
                    fold,
                    clock,
                    allowed,
                ),
            )
    return trained


def _stacks(
    cls_dir: paths.Path,
    texts: Texts,
    fold: np.ndarray,
    clock: Clock,
    workdir: pathlib.Path,
) -> Candidate:
    with clock.stage(STACKS):
        allowed = _SHARES[STACKS] * clock.left

        def make() -> Candidate:
            sides = {
                split: stacks.read(cls_dir, split)
                for split in ("train", "validation")
            }
            return candidates.of_stacks(
                STACKS, sides, texts, fold, clock, allowed
            )

        return candidates.kept(workdir / _CANDIDATES / f"{STACKS}.npz", make)


def _images(
    minutes: float,
    config: TrainConfig,
    records: RecordsConfig,
    cls_dir: paths.Path,
    texts: Texts,
    fold: np.ndarray,
    clock: Clock,
    workdir: pathlib.Path,
) -> Candidate | None:
    """Trains the image route; `None` if there is too little time."""
    features = workdir / _FEATURES
    is_tried = clock.decide(
        "image route: tried", lambda: clock.left > 60 * minutes * _LEAST_LEFT
    )
    if not is_tried or _LEFT_OUT in clock.decisions:
        return None

    def make() -> Candidate:
        load.check_weights([(config.backbone, config.weights)])
        image_dir = image_records.prepare_images(records, cls_dir, LOCAL)
        trained = image_route.settings_for(
            config.on_records(image_dir),
            reader.open_records(image_dir, kind="image"),
            image_dir,
            clock,
        )
        ids = texts.train.ids
        out, prepared = image_route.cross_validate(
            trained,
            image_dir,
            features,
            dict(zip(ids, fold.tolist(), strict=True)),
            {key: row for row, key in enumerate(ids)},
            workdir / _CANDIDATES,
            clock,
        )
        with holding.hold(workdir / IMAGES):
            train.train_and_evaluate(
                trained, workdir / IMAGES, shared_maps=features
            )
        row_of_id = {key: row for row, key in enumerate(texts.validation.ids)}
        held = prepared.inputs["validation"].ids
        rows = np.array([row_of_id[key] for key in held])
        order = np.argsort(rows)
        log_probabilities = image_route.validate(prepared, workdir / IMAGES)
        return Candidate(0.0, out, rows[order], log_probabilities[order], {})

    with clock.stage(IMAGES):
        try:
            made = candidates.kept(
                workdir / _CANDIDATES / f"{IMAGES}.npz", make
            )
        except OutOfTimeError as error:
            clock.decide(_LEFT_OUT, functools.partial(str, error))
            made = None
    image_route.clear(features)
    return made
