"""What is trained: each candidate out of fold, on all texts, and validated."""

import dataclasses
import io
import pathlib
import time
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from absl import logging

from tfrecords import files
from trainers.selection import folds, linear, stacks, term_counts, tfidf
from trainers.selection.choice import Predictions
from trainers.selection.clock import Clock
from trainers.selection.stacks import Stacks
from trainers.selection.texts import Texts

CHARACTERS = "tfidf_characters"
# Values of C, the usual one first.
_TERM_CS = (10.0, 30.0, 100.0, 3.0)
# For stacks of 2,304 features; see `trainers.experiments.baselines`.
_STACK_CS = (1e-3, 1e-2, 1e-4)
_STACK_FEATURES = 2304


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A trained classifier.

    Attributes:
        c: Inverse penalty; 0 if it has none.
        out_of_fold: Predictions for train texts.
        rows: Numbers of the validation texts it has predicted, `(m,)`
            ascending.
        validation: Their log-probabilities `(m, K)`.
        arrays: What it has learnt.
    """

    c: float
    out_of_fold: Predictions
    rows: np.ndarray
    validation: np.ndarray
    arrays: Mapping[str, np.ndarray]

    @property
    def on_validation(self) -> Predictions:
        """The predictions for validation texts."""
        return Predictions(self.rows, self.validation)


def kept(path: pathlib.Path, make: Callable[[], Candidate]) -> Candidate:
    """Reads a candidate of an earlier try, or makes and writes it."""
    try:
        if path.is_file():
            with np.load(path, allow_pickle=False) as archive:
                read = dict(archive)
            logging.info("candidate: reusing %s", path)
            names = ("c", "out_rows", "out_values", "rows", "validation")
            c, out_rows, out_values, rows, validation = (
                read.pop(name) for name in names
            )
            out = Predictions(out_rows, out_values)
            return Candidate(float(c), out, rows, validation, read)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        logging.warning("%s is damaged (%s). It is made again.", path, error)
    made = make()
    content = io.BytesIO()
    values: dict[str, Any] = {
        "c": made.c,
        "out_rows": made.out_of_fold.rows,
        "out_values": made.out_of_fold.log_probabilities,
        "rows": made.rows,
        "validation": made.validation,
        **made.arrays,
    }
    np.savez(content, **values)
    path.parent.mkdir(exist_ok=True)
    files.write_bytes(path, content.getvalue())
    return made


def of_terms(
    name: str,
    kinds: tuple[str, ...],
    texts: Texts,
    fold: np.ndarray,
    clock: Clock,
    allowed: float,
) -> Candidate:
    """Trains TF-IDF and logistic regression on all texts.

    Args:
        name: Name of the candidate.
        kinds: Kinds of its terms.
        texts: The corpus.
        fold: Fold of every train text.
        clock: Keeps the plan.
        allowed: Seconds for it.
    """
    labels, num_classes = texts.train.labels, len(texts.label_names)
    start = time.monotonic()
    counted = {
        kind: term_counts.count(texts.train.texts, kind) for kind in kinds
    }
    counts = {kind: part.counts for kind, part in counted.items()}

    def fit_predict(
        c: float, train: np.ndarray, held: np.ndarray
    ) -> np.ndarray:
        rows = tfidf.rows_of(
            counts, train, {kind: part[held] for kind, part in counts.items()}
        )
        model = linear.fit(rows.train, labels[train], num_classes, c)
        return model.log_probabilities(rows.held)

    rows = np.arange(len(labels))
    c, out = _cross_validate(
        name,
        fit_predict,
        _TERM_CS,
        fold,
        rows,
        labels,
        clock,
        allowed - (time.monotonic() - start),
    )
    held = {
        kind: term_counts.count(
            texts.validation.texts, kind, part.vocabulary
        ).counts
        for kind, part in counted.items()
    }
    every = tfidf.rows_of(counts, rows, held)
    model = linear.fit(every.train, labels, num_classes, c)
    learnt = tfidf.weights(counted, every.weightings, model)
    return Candidate(
        c,
        out,
        np.arange(len(texts.validation.labels)),
        model.log_probabilities(every.held),
        {
            "kinds": np.array(learnt.kinds),
            "sizes": np.array(learnt.sizes),
            **{
                key: getattr(learnt, key)
                for key in ("vocabulary", "idf", "kernel", "bias")
            },
        },
    )


def of_stacks(
    name: str,
    sides: Mapping[str, Stacks],
    texts: Texts,
    fold: np.ndarray,
    clock: Clock,
    allowed: float,
) -> Candidate:
    """Trains logistic regression on the stacks; takes as `of_terms`."""
    labels, num_classes = texts.train.labels, len(texts.label_names)
    row_of_id = {key: row for row, key in enumerate(texts.train.ids)}
    rows = np.array([row_of_id[key] for key in sides["train"].ids])
    order = np.argsort(rows)
    values, rows = sides["train"].values[order], rows[order]
    values = values.reshape(len(values), -1)

    def fit_predict(
        c: float, train: np.ndarray, held: np.ndarray
    ) -> np.ndarray:
        places, held_places = (np.searchsorted(rows, x) for x in (train, held))
        model = stacks.fit(values[places], labels[train], num_classes, c)
        return model.log_probabilities(values[held_places])

    scale = min(1.0, _STACK_FEATURES / values.shape[1])
    c, out = _cross_validate(
        name,
        fit_predict,
        [scale * c for c in _STACK_CS],
        fold,
        rows,
        labels,
        clock,
        allowed,
    )
    model = stacks.fit(values, labels[rows], num_classes, c)
    validation_row = {key: row for row, key in enumerate(texts.validation.ids)}
    held = np.array([validation_row[key] for key in sides["validation"].ids])
    order = np.argsort(held)
    held_values = sides["validation"].values[order]
    return Candidate(
        c,
        out,
        held[order],
        model.log_probabilities(held_values.reshape(len(held), -1)),
        {
            "kernel": model.kernel.astype(np.float32),
            "bias": model.bias.astype(np.float32),
        },
    )


def _cross_validate(
    name: str,
    fit_predict: folds.FitPredict,
    cs: Any,
    fold: np.ndarray,
    rows: np.ndarray,
    labels: np.ndarray,
    clock: Clock,
    allowed: float,
) -> tuple[float, Predictions]:
    """Times one fit, plans and keeps the plan, and follows it."""

    def choose() -> dict[str, Any]:
        start = time.monotonic()
        folds.predict(fit_predict, cs[0], fold, rows, [fold[rows[0]]])
        seconds = time.monotonic() - start
        chosen = folds.plan(seconds, allowed - seconds, len(cs))
        return {**dataclasses.asdict(chosen), "fit_seconds": round(seconds, 2)}

    decided = clock.decide(f"{name}: folds", choose)
    plan = folds.Plan(decided["folds"], decided["folds_of_choice"])
    return folds.choose_c(fit_predict, cs, fold, rows, labels, plan)
