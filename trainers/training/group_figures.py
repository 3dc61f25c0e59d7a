"""Figures of a classifier by group of examples, with intervals.

Letters: N examples, K classes.
"""

import dataclasses
import functools
import math
from collections.abc import Sequence

import numpy as np
import scipy.stats

from trainers.training.metrics import calibration_error

LEVEL = 0.95
RESAMPLES = 1000
# The usual least number of a rule of thumb; with 29 of 30 right, Wilson's
# interval is from 0.83 to 0.99.
FEW = 30
_AT_A_TIME = 50  # resamples in memory

Interval = tuple[float, float]
_UNKNOWN = (math.nan, math.nan)


@dataclasses.dataclass(frozen=True)
class Share:
    """A proportion.

    Attributes:
        hits: What is counted.
        of: Out of how many.
    """

    hits: int
    of: int

    @property
    def value(self) -> float:
        """The proportion; NaN of none."""
        return self.hits / self.of if self.of else math.nan

    @functools.cached_property
    def interval(self) -> Interval:
        """Wilson's score interval; NaN of none.

        Source: Wilson 1927, doi:10.1080/01621459.1927.10502953, without
        continuity correction.
        """
        if not self.of:
            return _UNKNOWN
        found = scipy.stats.binomtest(self.hits, self.of).proportion_ci(
            LEVEL, method="wilson"
        )
        return float(found.low), float(found.high)


@dataclasses.dataclass(frozen=True)
class GroupFigures:
    """Figures of one group.

    Attributes:
        name: Its name; empty for the examples without one.
        accuracy: Share of right predictions.
        missed: Of each class, the share of its examples that are predicted
            as another: false negatives.
        raised: Of each class, the share of all other examples that are
            predicted as it: false positives.
        calibration_error: As of `metrics.calibration_error`.
        calibration_interval: Percentiles over resamples; NaN of one example.
    """

    name: str
    accuracy: Share
    missed: tuple[Share, ...]
    raised: tuple[Share, ...]
    calibration_error: float
    calibration_interval: Interval

    @property
    def is_small(self) -> bool:
        """Whether it has too few examples to say much."""
        return self.accuracy.of < FEW


def by_group(
    groups: Sequence[str],
    labels: np.ndarray,
    probabilities: np.ndarray,
    *,
    seed: int = 0,
) -> list[GroupFigures]:
    """Computes the figures of each group.

    Args:
        groups: Name of the group of each of N examples.
        labels: True classes, `(N,)` int.
        probabilities: `(N, K)`.
        seed: Of the resamples; those of a group do not depend on the others.

    Returns:
        The groups, those of the most examples first.
    """
    names, numbers, counts = np.unique(
        np.array(groups, object).astype(str),
        return_inverse=True,
        return_counts=True,
    )
    return [
        _figures(
            str(names[number]),
            labels[numbers == number],
            probabilities[numbers == number],
            seed,
        )
        for number in np.argsort(-counts, kind="stable")
    ]


def _figures(
    name: str, labels: np.ndarray, probabilities: np.ndarray, seed: int
) -> GroupFigures:
    predicted = probabilities.argmax(axis=1)
    right = predicted == labels
    classes = range(probabilities.shape[1])
    return GroupFigures(
        name=name,
        accuracy=Share(int(right.sum()), len(labels)),
        missed=tuple(_share(~right, labels == each) for each in classes),
        raised=tuple(
            _share(predicted == each, labels != each) for each in classes
        ),
        calibration_error=calibration_error(probabilities, labels),
        calibration_interval=_bootstrap(labels, probabilities, seed),
    )


def _share(hits: np.ndarray, of: np.ndarray) -> Share:
    return Share(int((hits & of).sum()), int(of.sum()))


def _bootstrap(
    labels: np.ndarray, probabilities: np.ndarray, seed: int
) -> Interval:
    """Percentiles of the calibration error over resampled examples.

    Source: Efron and Tibshirani 1993, chapters 10 and 13: percentiles, less
    the bootstrap's estimate of the bias. The error itself keeps its bias,
    which is upwards and larger in a small group.
    """
    if len(labels) < 2:
        return _UNKNOWN
    found = scipy.stats.bootstrap(
        (np.arange(len(labels)),),
        lambda rows: calibration_error(probabilities[rows], labels[rows]),
        n_resamples=RESAMPLES,
        batch=_AT_A_TIME,
        vectorized=False,
        confidence_level=LEVEL,
        method="percentile",
        random_state=np.random.default_rng(seed),  # `rng` since SciPy 1.15
    )
    # Chance adds to an error that is a sum of absolute values: resamples lie
    # above it, often all of them (Kumar et al. 2019, arXiv 1909.10155). Less
    # what they have too much, the interval holds the error.
    resampled = found.bootstrap_distribution
    excess = resampled.mean() - calibration_error(probabilities, labels)
    low, high = (float(x - excess) for x in found.confidence_interval)
    return max(low, 0.0), high
