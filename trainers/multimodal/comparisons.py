"""Compares each fusion with the best of its single modalities.

McNemar's exact test, seed by seed, on the samples that just one of the two
gets right.
"""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trainers.experiments import significance
from trainers.multimodal.plan import Row
from trainers.runs.predictions import read_predictions
from trainers.runs.workdir import read_metrics

_LEVEL = 0.05
# Points of accuracy by which train is above held-out where `explain` says so.
_OVERFITTED = 10.0


@dataclasses.dataclass(frozen=True)
class Result:
    """A row with what its trainings gave.

    Attributes:
        row: The row.
        metrics: The contents of metrics.json, by seed.
        right: `(N,)` bool by seed, which held-out samples it gets right.
    """

    row: Row
    metrics: Sequence[Mapping[str, Any]]
    right: Sequence[np.ndarray]

    def values(self, key: str) -> list[float]:
        """One number of the metrics, by seed."""
        return [metrics[key] for metrics in self.metrics]

    @property
    def accuracy(self) -> float:
        """Mean top-1 in percent."""
        return 100 * float(np.mean(self.values("accuracy")))


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A fusion against the best of its single modalities.

    Attributes:
        best: Result of that modality.
        singles: Results of all its modalities.
        gain: Mean gain in top-1, in points.
        p_values: McNemar's p, by seed.
        any_right: Percent of samples that at least one single modality gets
            right, mean over seeds.
    """

    best: Result
    singles: list[Result]
    gain: float
    p_values: list[float]
    any_right: float

    @property
    def wins(self) -> bool:
        """Whether the fusion is better, in every seed beyond chance."""
        return self.gain > 0 and max(self.p_values) < _LEVEL

    def __str__(self) -> str:
        """`<modality>: <points>, p = <by seed>`."""
        p_values = ", ".join(f"{value:.2g}" for value in self.p_values)
        (modality,) = self.best.row.modalities
        return f"{modality}: {self.gain:+.2f}, p = {p_values}"


def right_by_id(workdir: pathlib.Path) -> dict[str, bool]:
    """Record id to whether a run's prediction is right."""
    predictions = read_predictions(workdir)
    return {
        key: label == predicted
        for key, (label, predicted) in predictions.items()
    }


def read_results(workdir: pathlib.Path, rows: Sequence[Row]) -> list[Result]:
    """Reads the finished trainings of a table.

    Raises:
        ValueError: If two trainings have predicted different samples.
    """
    samples: list[str] | None = None
    results = []
    for row in rows:
        metrics, right = [], []
        for directory in row.directories(workdir):
            answers = right_by_id(directory)
            samples = samples or list(answers)
            if set(answers) != set(samples):
                raise ValueError(
                    "All trainings must have predicted the same samples. "
                    f"Received: {len(answers)} in {directory}, of which "
                    f"{len(set(answers) & set(samples))} are among the "
                    f"{len(samples)} of the others. Delete it and run the "
                    "same command again."
                )
            metrics.append(read_metrics(directory))
            right.append(np.array([answers[key] for key in samples], bool))
        results.append(Result(row, metrics, right))
    return results


def singles_of(result: Result, results: Sequence[Result]) -> list[Result]:
    """Results of the single modalities of a fusion, with the same tower."""
    return [
        other
        for other in results
        if not other.row.is_fusion
        and set(other.row.modalities) < set(result.row.modalities)
        and other.row.backbone in ("", result.row.backbone)
    ]


def compare(result: Result, results: Sequence[Result]) -> Comparison | None:
    """Compares a fusion with its single modalities.

    Args:
        result: The fusion.
        results: Where to look for the single modalities.

    Returns:
        `None` for a single modality, or if no single one was trained.
    """
    singles = singles_of(result, results)
    if not singles:
        return None
    best = max(singles, key=lambda single: single.accuracy)
    return Comparison(
        best,
        singles,
        result.accuracy - best.accuracy,
        [
            significance.mcnemar(*pair).p_value
            for pair in zip(result.right, best.right, strict=True)
        ],
        100 * float(np.mean(np.any([s.right for s in singles], axis=0))),
    )


def explain(result: Result, comparison: Comparison) -> str:
    """A sentence on a fusion that does not win: what was measured."""
    alone = ", ".join(
        f"{single.row.modalities[0]} {single.accuracy:.2f}"
        for single in comparison.singles
    )
    train = 100 * np.mean(
        [metrics["epochs"][-1]["train_accuracy"] for metrics in result.metrics]
    )
    on = f" on {result.row.backbone}" if result.row.backbone else ""
    text = (
        f"{', '.join(result.row.modalities)}{on} does not beat {comparison}. "
        f"Alone: {alone}; at least one of them is right on "
        f"{comparison.any_right:.2f}."
    )
    if train - result.accuracy > _OVERFITTED:
        text += (
            f" It has {train:.2f} of the train split right: its extra accuracy "
            "there is memorised."
        )
    return text
