"""Does a fusion beat the best of its single modalities; what is known if not.

McNemar's exact test, seed by seed, on the samples of which one is right.
"""

import dataclasses
import pathlib
import typing

import numpy as np

from trainers.multimodal import baselines

if typing.TYPE_CHECKING:
    from trainers.multimodal.plan import Cell

_SURE = 0.05
# Points of accuracy between train and held-out samples worth a word.
_BY_HEART = 10.0
Metrics = dict[str, list[dict[str, typing.Any]]]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A fusion against the best of its single modalities.

    Attributes:
        best: That modality's cell.
        singles: All of its modalities' cells.
        gain: Mean gain in top-1, in points.
        p_values: McNemar's, by seed.
        any_right: Mean share of samples that some single one gets right.
    """

    best: "Cell"
    singles: "list[Cell]"
    gain: float
    p_values: list[float]
    any_right: float

    @property
    def wins(self) -> bool:
        """More is right, in every seed beyond chance."""
        return self.gain > 0 and max(self.p_values) < _SURE

    def __str__(self) -> str:
        """`<modality>: <points>, p = <by seed>`."""
        found = ", ".join(f"{value:.2g}" for value in self.p_values)
        return f"{self.best.modalities}: {self.gain:+.2f}, p = {found}"


def directory(workdir: pathlib.Path, cell: "Cell", seed: int) -> pathlib.Path:
    """Where a table keeps a run."""
    return workdir / cell.name / f"seed{seed}"


def compare(
    workdir: pathlib.Path, cell: "Cell", cells: "list[Cell]", metrics: Metrics
) -> Comparison | None:
    """Compares a cell with the single ones among `cells`, if it has any."""
    singles = [
        one
        for one in cells
        if "," not in one.modalities
        and not one.modality_dropout
        and one.modalities in cell.modalities.split(",")
        and one.backbone in ("", cell.backbone)
    ]
    if "," not in cell.modalities or not singles:
        return None
    best = max(singles, key=lambda one: _accuracy(metrics[one.name]))
    p_values, any_right = [], []
    for run in cell.runs:
        mine = baselines.correct(directory(workdir, cell, run.seed))
        others = {
            one.name: baselines.correct(directory(workdir, one, run.seed))
            for one in singles
        }
        p_values.append(baselines.mcnemar(mine, others[best.name]))
        any_right.append(
            np.mean([any(o[key] for o in others.values()) for key in mine])
        )
    return Comparison(
        best,
        singles,
        _accuracy(metrics[cell.name]) - _accuracy(metrics[best.name]),
        p_values,
        100 * float(np.mean(any_right)),
    )


def explain(cell: "Cell", found: Comparison, metrics: Metrics) -> str:
    """A sentence on a fusion that does not win: what was measured."""
    accuracy = _accuracy(metrics[cell.name])
    alone = ", ".join(
        f"{one.modalities} {_accuracy(metrics[one.name]):.2f}"
        for one in found.singles
    )
    seen = 100 * np.mean(
        [run["epochs"][-1]["train_accuracy"] for run in metrics[cell.name]]
    )
    said = (
        f"{cell.modalities.replace(',', ', ')}"
        f"{' on ' + cell.backbone if cell.backbone else ''} does not beat "
        f"{found}. Alone: {alone}; at least one of them is right on "
        f"{found.any_right:.2f}."
    )
    if seen - accuracy > _BY_HEART:
        said += (
            f" It has {seen:.2f} of the train split right: what it adds to "
            "the best is learnt by heart there."
        )
    return said


def _accuracy(rows: list[dict[str, typing.Any]]) -> float:
    """Mean top-1 in percent."""
    return 100 * float(np.mean([row["accuracy"] for row in rows]))
