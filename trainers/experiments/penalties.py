"""The penalty of every method by the same cross-validation."""

from collections.abc import Callable, Sequence

import numpy as np

from trainers.experiments.draws import ranks_in_class

_FOLDS = 3
# With this many texts, the first fold alone decides.
_ENOUGH_FOR_ONE_FOLD = 1000
_LEAST_PROBABILITY = 1e-6

# Fits to some rows with a penalty and returns the probabilities `(n, K)` of
# others.
Fit = Callable[[np.ndarray, np.ndarray, float], np.ndarray]


def choose(fit: Fit, penalties: Sequence[float], labels: np.ndarray) -> float:
    """Chooses a penalty by cross-validation, by the mean cross-entropy.

    Three stratified folds; from 1,000 texts up, only one of them is held out.

    Args:
        fit: Takes row numbers to fit to, row numbers to predict, a penalty.
        penalties: The penalties to choose from, ascending.
        labels: `(N,)` int, in the order of the draw.

    Returns:
        The best penalty; the one in the middle if there are too few texts for
        a fold, which takes two classes to fit to.
    """
    folds = ranks_in_class(labels) % _FOLDS
    parts = [
        (np.flatnonzero(folds != fold), np.flatnonzero(folds == fold))
        for fold in range(_FOLDS)
    ]
    usable = [
        (kept, held)
        for kept, held in parts
        if len(held) and len(np.unique(labels[kept])) > 1
    ]
    if not usable:
        return penalties[len(penalties) // 2]
    if len(labels) >= _ENOUGH_FOR_ONE_FOLD:
        usable = usable[:1]
    losses = [
        sum(
            _cross_entropy(fit(kept, held, penalty), labels[held])
            for kept, held in usable
        )
        for penalty in penalties
    ]
    return penalties[int(np.argmin(losses))]


def _cross_entropy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    of_label = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(of_label, _LEAST_PROBABILITY)).sum())
