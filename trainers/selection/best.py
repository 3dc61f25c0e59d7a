"""The best classifier for given texts within some minutes.

TF-IDF on all texts; logistic regression on stacks and the image route on as
many as there is time for; blends of them. The choice is by cross-validation on
the train side; the validation side judges it at the end.
"""

import dataclasses
import functools
import pathlib
import re
from typing import Any

import numpy as np
from absl import logging

from text2image import devices
from tfrecords import files, paths, reader, schema
from tfrecords.config import RecordsConfig, without_added_later
from tfrecords.settings import fingerprint
from tfrecords.stages import images as image_records
from tfrecords.stages import stacks as stack_records
from tfrecords.units.runner import LOCAL
from trainers.config import TrainConfig
from trainers.runs import checkpoints, holding, json_files, workdir as run_files
from trainers.runs.file_list import FileList
from trainers.selection import (
    candidates,
    choice,
    folds,
    image_route,
    report,
    stacks,
)
from trainers.selection.candidates import Candidate
from trainers.selection.clock import Clock, OutOfTimeError
from trainers.selection.texts import Texts
from trainers.selection.texts import read as read_texts
from trainers.serving.chosen import IMAGES, MEMBERS, STACKS, TERMS
from trainers.training import train
from trainers.training.metrics import evaluate
from trainers.weights import load

CHARACTERS = "tfidf_characters"
_MOST_NAME = 150  # characters
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


def default_workdir(
    minutes: float, config: TrainConfig, records: RecordsConfig, runs_dir: str
) -> str:
    """Names the directory of a run after corpus and settings."""
    settings = {
        "minutes": minutes,
        **without_added_later(dataclasses.asdict(records)),
        **config.naming_settings,
    }
    for name in ("data_dir", "records_dir", "cache_gb", "download"):
        settings.pop(name)
    corpus = re.sub(
        r"[^a-z0-9]+", "_", pathlib.Path(records.dataset).stem.lower()
    )
    name = corpus.strip("_")[:_MOST_NAME] or "data"
    return f"{runs_dir}/{name}-best-{fingerprint(settings)[:8]}"


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
    _claim(minutes, config, records, texts, workdir)
    if run_files.is_finished(workdir):
        metrics = run_files.read_metrics(workdir, (MEMBERS,))
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
    metrics = _choose(trained, texts, clock, workdir, cls_dir)
    names = [
        path.relative_to(workdir).as_posix()
        for path in sorted((workdir / _CANDIDATES).glob("*.np*"))
    ]
    report.write(workdir, metrics)
    run_files.finish(
        workdir,
        (
            *names,
            run_files.MODEL_FILE,
            run_files.PREDICTIONS_FILE,
            run_files.REPORT_FILE,
        ),
        metrics,
    )
    return metrics


def _claim(
    minutes: float,
    config: TrainConfig,
    records: RecordsConfig,
    texts: Texts,
    workdir: pathlib.Path,
) -> None:
    """Writes config.json, or compares it with that of an earlier try."""
    settings = {
        "minutes": minutes,
        **dataclasses.asdict(records),
        **dataclasses.asdict(config),
    }
    path = workdir / run_files.CONFIG_FILE
    listed = FileList.of_run(workdir)
    listed.remove_if_damaged()
    if path.is_file():
        cure = "Restore it, or name another --workdir."
        earlier = json_files.read(
            path, ("config", run_files.RECORDS_FINGERPRINT), cure=cure
        )
        corpus = "fingerprint of the texts"
        defaults = {
            **dataclasses.asdict(RecordsConfig()),
            **dataclasses.asdict(TrainConfig()),
        }
        run_files.refuse_changes(
            workdir,
            {
                **defaults,
                **earlier["config"],
                corpus: earlier[run_files.RECORDS_FINGERPRINT],
            },
            {**settings, corpus: texts.fingerprint},
            may_differ=("dataset", "data_dir", "records_dir", "cache_gb"),
        )
    else:
        claim = {
            "config": settings,
            run_files.RECORDS_FINGERPRINT: texts.fingerprint,
        }
        files.write_json(path, claim)
    listed.record((run_files.CONFIG_FILE,))


def _limited(
    records: RecordsConfig, texts: Texts, counts: list[int]
) -> RecordsConfig:
    """The settings of records with as many texts as there is time for."""
    sizes = len(texts.train.ids), len(texts.validation.ids)
    names = ("limit_train", "limit_validation")
    changes = {
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
                functools.partial(lambda a, b: a < b, 2 * seconds, allowed),
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
        trained = config.on_records(image_dir)
        manifest = reader.open_records(image_dir, kind="image")
        if "image route: folds" not in clock.decisions:
            image_route.check_time(trained, manifest, image_dir, clock)
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


def _choose(
    trained: dict[str, Candidate],
    texts: Texts,
    clock: Clock,
    workdir: pathlib.Path,
    cls_dir: paths.Path | None,
) -> dict[str, Any]:
    """Chooses, writes model and predictions; returns the metrics."""
    labels = texts.train.labels
    singles = {name: one.out_of_fold for name, one in trained.items()}
    of_terms = {n: singles[n] for n in (TERMS, CHARACTERS) if n in singles}
    terms = choice.simplest_of_the_best(of_terms, labels)
    members: dict[str, dict[str, float]] = {}
    out: dict[str, choice.Predictions] = {}
    for group in (
        (TERMS,),
        (CHARACTERS,),
        (STACKS,),
        (terms, STACKS),
        (IMAGES,),
        (terms, IMAGES),
        (terms, STACKS, IMAGES),
    ):
        if not set(group) <= set(singles):
            continue
        name = "+".join(group)
        weights, out[name] = choice.blend([singles[n] for n in group], labels)
        members[name] = dict(zip(group, weights, strict=True))
    if IMAGES in members:  # as its own run answers
        members[IMAGES] = {IMAGES: 1.0}
    chosen = choice.simplest_of_the_best(out, labels)
    validated = {
        name: _validate(weights, trained) for name, weights in members.items()
    }
    return _results(
        chosen, members, out, validated, trained, texts, clock, workdir, cls_dir
    )


def _validate(
    weights: dict[str, float], trained: dict[str, Candidate]
) -> choice.Predictions:
    """Predicts the validation texts that all members have predicted."""
    parts = [trained[name].on_validation for name in weights]
    rows = functools.reduce(np.intersect1d, [part.rows for part in parts])
    values = [part.of_rows(rows) for part in parts]
    return choice.Predictions(rows, choice.pool(values, list(weights.values())))


def _results(
    chosen: str,
    members: dict[str, dict[str, float]],
    out: dict[str, choice.Predictions],
    validated: dict[str, choice.Predictions],
    trained: dict[str, Candidate],
    texts: Texts,
    clock: Clock,
    workdir: pathlib.Path,
    cls_dir: paths.Path | None,
) -> dict[str, Any]:
    weights = {
        TERMS if name == CHARACTERS else name: weight
        for name, weight in members[chosen].items()
    }
    arrays: dict[str, Any] = {"weights": np.array(list(weights.values()))}
    terms: dict[str, Any] | None = None
    for name in members[chosen]:
        learnt = dict(trained[name].arrays)
        if name in (TERMS, CHARACTERS):
            terms = {
                key: learnt.pop(key).tolist() for key in ("kinds", "sizes")
            }
        prefix = TERMS if name == CHARACTERS else name
        arrays |= {f"{prefix}/{key}": value for key, value in learnt.items()}
    sha256 = checkpoints.save(
        workdir / run_files.MODEL_FILE,
        arrays,
        {run_files.RECORDS_FINGERPRINT: texts.fingerprint},
    )
    final = validated[chosen]
    held = texts.validation
    run_files.write_predictions(
        workdir,
        texts.label_names,
        [held.ids[row] for row in final.rows],
        held.labels[final.rows],
        np.exp(final.log_probabilities),
    )
    is_encoded = bool(set(weights) - {TERMS})
    manifest: schema.Manifest | None = None
    if is_encoded and cls_dir is not None:
        manifest = reader.open_records(cls_dir, kind="cls")
    return {
        **evaluate(final.log_probabilities, held.labels[final.rows]),
        MEMBERS: weights,
        "chosen": chosen,
        "terms": terms,
        "candidates": {
            name: report.figures(
                name,
                members[name],
                {n: trained[n].c for n in members[name]},
                out[name],
                validated[name],
                texts,
            )
            for name in members
        },
        "comparisons": report.comparisons(validated, held.labels),
        "decisions": clock.decisions,
        "seconds": clock.seconds,
        "corpus": texts.corpus,
        "num_train": len(texts.train.ids),
        "num_validation": len(final.rows),
        "label_names": list(texts.label_names),
        "encoder": manifest and manifest.details["encoder"],
        "stacks": manifest and str(cls_dir),
        "device": devices.describe(),
        run_files.RECORDS_FINGERPRINT: texts.fingerprint,
        run_files.MODEL_SHA256: sha256,
    }
