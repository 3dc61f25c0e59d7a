"""The sections of a table's report, as lines of Markdown."""

import dataclasses
import pathlib
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trainers import backbones
from trainers.config import TrainConfig
from trainers.experiments import significance
from trainers.reports import markdown

# Accuracies on IMDB of the paper's Table I: its version of July 2021
# (EasyChair), its last version (arXiv 2106.12479 v4), and a reproduction by
# others (slides). Its "ResNet" is Wide ResNet50-2.
PUBLISHED = {
    "alexnet": (0.81, 0.87, 0.801),
    "wide_resnet": (0.82, 0.85, 0.824),
    "resnext": (0.82, 0.85, 0.819),
    "shufflenet": (0.81, 0.86, 0.812),
    "vgg16": (0.81, 0.86, 0.813),
}
_LEVEL = 0.05

# Baseline to its `accuracy` and `model`.
Baselines = Mapping[str, Mapping[str, Any]]


@dataclasses.dataclass(frozen=True)
class TrainedRow:
    """A row of a table with the results of its finished trainings.

    Attributes:
        name: Name within its group; a backbone's key in Table I.
        config: Settings of the first finished training; `None` without one.
        is_base: Whether the row has the base's settings.
        metrics: The contents of metrics.json, by seed.
        right: `(N,)` bool by seed, which validation texts it gets right.
    """

    name: str
    config: TrainConfig | None = None
    is_base: bool = False
    metrics: Sequence[Mapping[str, Any]] = ()
    right: Sequence[np.ndarray] = ()

    def values(self, key: str) -> list[float]:
        """One number of the metrics, by seed."""
        return [metrics[key] for metrics in self.metrics]


_TABLE_ONE = (
    "backbone",
    "weights",
    "feature maps",
    "image variance kept (R^2)",
    "learning rates (autoencoder / head)",
    "seeds",
    "accuracy, last epoch",
    "cumulative, as the published code prints it",
    "points above logistic regression on the stacks",
    "p (first finished seed)",
    "paper 2021",
    "paper 2022",
    "reproduction",
)


def table_one(
    rows: Sequence[TrainedRow],
    baselines: Baselines,
    right_on_stacks: np.ndarray,
) -> list[str]:
    """Table I: our backbones beside the published accuracies.

    Args:
        rows: One row per backbone.
        baselines: Name to result; `stacks` is what the rows are tested
            against.
        right_on_stacks: `(N,)` bool, which validation texts logistic
            regression on the stacks gets right.
    """
    stacks = baselines["stacks"]["accuracy"]
    return [
        "## Table I",
        "",
        *markdown.table(
            _TABLE_ONE,
            [
                (
                    backbones.get_backbone(row.name).title,
                    *_measured(row, stacks, right_on_stacks),
                    *_published(row.name),
                )
                for row in rows
            ],
        ),
        "",
        "The published columns are the paper's Table I in its versions of July "
        "2021 and February 2022 and a reproduction by others, on IMDB with "
        "bert-base; their ResNet is Wide ResNet50-2. p: exact McNemar test "
        "against logistic regression on the stacks, on the same texts. Image "
        "variance kept: share of the variance of the validation images that a "
        "linear readout of the frozen feature maps keeps; the linear "
        "autoencoder is solved for and has no learning rate.",
        "",
    ]


def _measured(
    row: TrainedRow, stacks: float, right_on_stacks: np.ndarray
) -> tuple[object, ...]:
    """The columns from the weights to p."""
    if row.config is None:
        return "-", "-", "-", "-", 0, "not trained", "-", "-", "-"
    kept = row.metrics[0]["picture_kept"]
    rates = row.config.learning_rates
    gap = 100 * (statistics.fmean(row.values("accuracy")) - stacks)
    test = significance.mcnemar(row.right[0], right_on_stacks)
    return (
        pathlib.PurePath(row.config.weights).name,  # a name, or a file's
        " x ".join(map(str, row.metrics[0]["feature_maps"])),
        "-" if kept is None else f"{kept:.3f}",
        " / ".join(
            f"{rates[part]:g}" if part in rates else "-"
            for part in ("autoencoder", "head")
        ),
        len(row.metrics),
        markdown.mean_and_deviation(row.values("accuracy")),
        markdown.mean_and_deviation(row.values("cumulative_accuracy")),
        f"{gap:+.2f}",
        f"{test.p_value:.2g}",
    )


def _published(name: str) -> tuple[str, ...]:
    if name not in PUBLISHED:
        return "-", "-", "-"
    return tuple(f"{accuracy:.3g}" for accuracy in PUBLISHED[name])


def baseline_table(baselines: Baselines) -> list[str]:
    """Baseline accuracy on each representation."""
    best = max(baselines, key=lambda name: baselines[name]["accuracy"])
    return [
        "## What each stage costs",
        "",
        *markdown.table(
            ("from", "classifier", "accuracy"),
            [
                (name, result["model"], f"{result['accuracy']:.4f}")
                for name, result in baselines.items()
            ],
        ),
        "",
        f"The best of these is {best}.",
        "",
    ]


def ablation_tables(groups: Mapping[str, Sequence[TrainedRow]]) -> list[str]:
    """One small table per question, its rows tested against one of them.

    Args:
        groups: Question to rows; the group `backbones` is left out.
    """
    questions = {
        name: rows for name, rows in groups.items() if name != "backbones"
    }
    if not questions:
        return []
    return [
        "## Ablations",
        "",
        "Bold: the base or, if every row differs from the base by several "
        "flags, the first row. p: exact McNemar test against the bold row, "
        f"first finished seeds; *: below {_LEVEL}. Tests in this section: "
        f"{sum(map(_num_tests, questions.values()))}; where nothing differs, "
        "up to one in twenty is below that.",
        "",
        *(
            line
            for name, rows in questions.items()
            for line in _ablation_table(name, rows)
        ),
    ]


def _ablation_table(name: str, rows: Sequence[TrainedRow]) -> list[str]:
    base = _base_row(rows)
    return [
        f"### {name}",
        "",
        *markdown.table(
            ("", "seeds", "accuracy", "p against the bold row"),
            [_ablation_row(row, base) for row in rows],
        ),
        "",
    ]


def _num_tests(rows: Sequence[TrainedRow]) -> int:
    base = _base_row(rows)
    return sum(base is not None and _is_tested(row, base) for row in rows)


def _is_tested(row: TrainedRow, base: TrainedRow) -> bool:
    return row is not base and bool(row.right and base.right)


def _ablation_row(
    row: TrainedRow, base: TrainedRow | None
) -> tuple[object, ...]:
    if base is None or not row.metrics:
        return row.name, 0, "not trained", "-"
    accuracy = markdown.mean_and_deviation(row.values("accuracy"))
    if row is base:
        return f"**{row.name}**", len(row.metrics), accuracy, "-"
    if not _is_tested(row, base):
        return row.name, len(row.metrics), accuracy, "other texts"
    test = significance.mcnemar(row.right[0], base.right[0])
    star = " *" if test.p_value < _LEVEL else ""
    return row.name, len(row.metrics), accuracy, f"{test.p_value:.2g}{star}"


def _base_row(rows: Sequence[TrainedRow]) -> TrainedRow | None:
    """The row with the base's settings, else the first; of trained ones."""
    trained = [row for row in rows if row.metrics]
    return next((row for row in trained if row.is_base), None) or next(
        iter(trained), None
    )
