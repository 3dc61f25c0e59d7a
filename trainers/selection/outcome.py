"""From trained candidates to the chosen one: its files and all figures."""

import functools
import pathlib
from typing import Any

import numpy as np

from text2image import devices
from tfrecords import paths, reader, schema
from trainers.runs import checkpoints
from trainers.runs.predictions import write_predictions
from trainers.runs.workdir import MODEL_FILE, MODEL_SHA256, RECORDS_FINGERPRINT
from trainers.selection import choice, report
from trainers.selection.candidates import CHARACTERS, Candidate
from trainers.selection.clock import Clock
from trainers.selection.texts import Texts
from trainers.serving.chosen import CHOSEN, IMAGES, MEMBERS, STACKS, TERMS
from trainers.training.metrics import evaluate


def choose(
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
        workdir / MODEL_FILE,
        arrays,
        {RECORDS_FINGERPRINT: texts.fingerprint},
    )
    final = validated[chosen]
    held = texts.validation
    write_predictions(
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
        CHOSEN: chosen,
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
        RECORDS_FINGERPRINT: texts.fingerprint,
        MODEL_SHA256: sha256,
    }
