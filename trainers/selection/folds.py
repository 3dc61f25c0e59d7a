"""Folds of the train texts, and what is predicted out of them."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from trainers.selection.choice import Predictions, exceeds_its_error

NUM_FOLDS = 5
_SEED = 0

# Value of C, numbers of the train and of the held texts, to log-probabilities
# of the held ones.
FitPredict = Callable[[float, np.ndarray, np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Plan:
    """How a candidate is cross-validated.

    Attributes:
        folds: Folds whose texts are predicted.
        folds_of_choice: Folds on which C is chosen; 0 takes the usual C.
    """

    folds: int
    folds_of_choice: int


def plan(seconds: float, allowed: float, num_cs: int) -> Plan:
    """Plans as much as there is time for.

    Args:
        seconds: Duration of one fit.
        allowed: Seconds for all fits, the one to all train texts included.
        num_cs: Values of C.
    """
    fits = allowed / max(seconds, 1e-3) - 1
    if fits >= NUM_FOLDS * num_cs:
        return Plan(NUM_FOLDS, NUM_FOLDS)
    if fits >= num_cs + NUM_FOLDS:
        return Plan(NUM_FOLDS, 1)
    folds = int(np.clip(fits, 1, NUM_FOLDS))
    return Plan(folds, 0)


def deal(texts: Sequence[str], labels: np.ndarray) -> np.ndarray:
    """Deals texts to folds, each class evenly, copies of a text together.

    Args:
        texts: N texts.
        labels: `(N,)` integers.

    Returns:
        The fold of each text, `(N,)` int8.
    """
    fold = np.empty(len(texts), np.int8)
    rng = np.random.default_rng(_SEED)
    order = rng.permutation(len(texts))
    fold_of_text: dict[str, int] = {}
    dealt = 0
    for label in np.unique(labels):
        for row in order[labels[order] == label]:
            key = " ".join(texts[row].casefold().split())
            if key not in fold_of_text:
                fold_of_text[key] = dealt % NUM_FOLDS
                dealt += 1
            fold[row] = fold_of_text[key]
    return fold


def predict(
    fit_predict: FitPredict,
    c: float,
    fold: np.ndarray,
    rows: np.ndarray,
    folds: Sequence[int],
) -> Predictions:
    """Predicts the texts of some folds, each by a model of the other folds.

    Args:
        fit_predict: Fits and predicts.
        c: Passed on.
        fold: Fold of every text, `(N,)`.
        rows: Numbers of the texts that take part, ascending.
        folds: The folds to predict.
    """
    held_rows, parts = [], []
    for number in folds:
        held = rows[fold[rows] == number]
        train = rows[fold[rows] != number]
        if len(held) and len(train):
            held_rows.append(held)
            parts.append(fit_predict(c, train, held))
    every = np.concatenate(held_rows)
    order = np.argsort(every)
    return Predictions(every[order], np.concatenate(parts)[order])


def choose_c(
    fit_predict: FitPredict,
    cs: Sequence[float],
    fold: np.ndarray,
    rows: np.ndarray,
    labels: np.ndarray,
    plan: Plan,
) -> tuple[float, Predictions]:
    """Chooses C and predicts the folds of a plan with it.

    Args:
        fit_predict: Fits and predicts.
        cs: Values of C, the usual one first. Another takes its place only if
            it is more often right by more than one standard error.
        fold: Fold of every text, `(N,)`.
        rows: Numbers of the texts that take part, ascending.
        labels: `(N,)`.
        plan: What there is time for.
    """
    folds = range(plan.folds)
    if not plan.folds_of_choice:
        return cs[0], predict(fit_predict, cs[0], fold, rows, folds)
    chosen, best = cs[0], None
    for c in cs:
        found = predict(fit_predict, c, fold, rows, range(plan.folds_of_choice))
        if best is None or exceeds_its_error(
            found.correct(labels).astype(float) - best.correct(labels)
        ):
            chosen, best = c, found
    assert best is not None
    if plan.folds_of_choice < plan.folds:
        best = predict(fit_predict, chosen, fold, rows, folds)
    return chosen, best
