"""The rule by which a classifier is chosen, on out-of-fold predictions.

In doubt the simpler one, by the rule of one standard error: Breiman et al.
1984, Classification and Regression Trees, section 3.4.3; here of paired
differences.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import scipy.optimize
import scipy.special

from trainers.serving.chosen import LEAST_LOG

# A member's weight in a blend.
_MOST_WEIGHT = 10.0


@dataclasses.dataclass(frozen=True)
class Predictions:
    """Log-probabilities of some of the train texts, from models of others.

    Attributes:
        rows: Numbers of the texts, `(n,)` ascending.
        log_probabilities: `(n, K)`.
    """

    rows: np.ndarray
    log_probabilities: np.ndarray

    def correct(self, labels: np.ndarray) -> np.ndarray:
        """Whether each is right, `(n,)` bool; labels `(N,)` of all texts."""
        return self.log_probabilities.argmax(axis=1) == labels[self.rows]

    def of_rows(self, rows: np.ndarray) -> np.ndarray:
        """Log-probabilities of some of the texts, `(m, K)`."""
        return self.log_probabilities[np.searchsorted(self.rows, rows)]


def is_better(
    challenger: Predictions, incumbent: Predictions, labels: np.ndarray
) -> bool:
    """Whether a candidate takes the place of a simpler one.

    If it is more often right by more than one standard error of the paired
    difference; or at least as often, with a likelihood that is higher by more
    than one standard error, both with probabilities as sharp as fits best.

    Args:
        challenger: Its predictions.
        incumbent: Those of the simpler one; they are compared on the texts
            that both predict.
        labels: `(N,)` of all texts.
    """
    rows = np.intersect1d(challenger.rows, incumbent.rows)
    if not len(rows):
        return False
    truth = labels[rows]
    parts = [part.of_rows(rows) for part in (challenger, incumbent)]
    right = [(part.argmax(axis=1) == truth).astype(float) for part in parts]
    accuracy = right[0] - right[1]
    if exceeds_its_error(accuracy):
        return True
    likelihoods = [
        pool([part], fit_weights([part], truth))[np.arange(len(rows)), truth]
        for part in parts
    ]
    return bool(accuracy.mean() >= 0) and exceeds_its_error(
        likelihoods[0] - likelihoods[1]
    )


def exceeds_its_error(gains: np.ndarray) -> bool:
    """Whether the mean of paired differences is above one standard error."""
    return bool(gains.mean() > gains.std() / np.sqrt(len(gains)))


def simplest_of_the_best(
    candidates: Mapping[str, Predictions], labels: np.ndarray
) -> str:
    """Chooses a candidate.

    Args:
        candidates: Name to out-of-fold predictions, the simplest first.
        labels: `(N,)` of all train texts.
    """
    names = list(candidates)
    chosen = names[0]
    for name in names[1:]:
        if is_better(candidates[name], candidates[chosen], labels):
            chosen = name
    return chosen


def pool(
    members: Sequence[np.ndarray], weights: Sequence[float] | np.ndarray
) -> np.ndarray:
    """Blends members: log-probabilities `(n, K)` each, to the same."""
    total = sum(
        weight * np.maximum(member, LEAST_LOG)
        for weight, member in zip(weights, members, strict=True)
    )
    return scipy.special.log_softmax(total, axis=1)


def fit_weights(
    members: Sequence[np.ndarray], labels: np.ndarray
) -> tuple[float, ...]:
    """Fits the weights of a blend by maximum likelihood.

    A logarithmic opinion pool. Source: Genest & Zidek 1986,
    doi:10.1214/ss/1177013825.

    Args:
        members: Out-of-fold log-probabilities `(n, K)` each.
        labels: `(n,)`.
    """
    rows = np.arange(len(labels))

    def loss(weights: np.ndarray) -> float:
        return float(-pool(members, weights)[rows, labels].mean())

    start = np.full(len(members), 1 / len(members))
    found = scipy.optimize.minimize(
        loss, start, bounds=[(0, _MOST_WEIGHT)] * len(members)
    )
    return tuple(np.round(found.x, 6).tolist())


def blend(
    members: Sequence[Predictions], labels: np.ndarray
) -> tuple[tuple[float, ...], Predictions]:
    """Fits a blend on the texts that all members predict.

    Args:
        members: Their out-of-fold predictions.
        labels: `(N,)` of all train texts.

    Returns:
        The weights of the members, and the predictions of the blend.
    """
    rows = members[0].rows
    for member in members[1:]:
        rows = np.intersect1d(rows, member.rows)
    parts = [member.of_rows(rows) for member in members]
    weights = fit_weights(parts, labels[rows])
    return weights, Predictions(rows, pool(parts, weights))
