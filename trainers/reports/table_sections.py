"""The tables of a report as lines of Markdown."""

import pathlib
import statistics
from typing import Any

import numpy as np

from trainers import backbones
from trainers.config import TrainConfig
from trainers.experiments import significance

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

# A row of a table: its `name`, and of each finished training its `cells`
# (with the directory), `metrics` and `right` (`(N,)` bool a validation text).
Row = dict[str, Any]


def mean_and_deviation(values: list[float]) -> str:
    """`0.8123 ± 0.0012`: the sample's deviation, none from one value."""
    text = f"{statistics.fmean(values):.4f}"
    if len(values) > 1:
        text += f" ± {statistics.stdev(values):.4f}"
    return text


def _accuracies(row: Row, name: str = "accuracy") -> list[float]:
    return [metrics[name] for metrics in row["metrics"]]


def table_one(
    rows: list[Row],
    compared: dict[str, dict[str, Any]],
    right: dict[str, np.ndarray],
) -> list[str]:
    """Table I: backbones beside the published figures.

    Args:
        rows: One a backbone.
        compared: Baseline to its result; `stacks` is the measure.
        right: Baseline to `(N,)` bool, which validation texts it gets right.
    """
    stacks = compared["stacks"]["accuracy"]
    lines = [
        "## Table I",
        "",
        "| backbone | filters | maps | of the picture kept | learning rates "
        "(autoencoder / head) | seeds | accuracy, last epoch | cumulative, as "
        "the published code prints it | points above logistic regression on "
        "the stacks | "
        "p (first seed) | paper 2021 | paper 2022 | reproduction |",
        "| --- |" + " --- |" * 12,
    ]
    for row in rows:
        published = PUBLISHED.get(row["name"])
        columns = (
            " | ".join(f"{value:.3g}" for value in published or ())
            or "- | - | -"
        )
        title = backbones.get_backbone(row["name"]).title
        if not row["cells"]:
            lines.append(
                f"| {title} | - | - | - | - | 0 | not trained | - | - | - | "
                f"{columns} |"
            )
            continue
        config: TrainConfig = row["cells"][0][0].train
        filters = pathlib.PurePath(config.weights).name  # a name, or a file's
        maps = " x ".join(map(str, row["metrics"][0]["feature_maps"]))
        kept = row["metrics"][0]["picture_kept"]
        rates = " / ".join(
            f"{config.learning_rates[part]:g}"
            if part in config.learning_rates
            else "-"
            for part in ("autoencoder", "head")
        )
        gap = 100 * (statistics.fmean(_accuracies(row)) - stacks)
        test = significance.mcnemar(row["right"][0], right["stacks"])
        lines.append(
            f"| {title} | {filters} | {maps} | "
            f"{'-' if kept is None else f'{kept:.3f}'} | {rates} | "
            f"{len(row['cells'])} | "
            f"{mean_and_deviation(_accuracies(row))} | "
            f"{mean_and_deviation(_accuracies(row, 'cumulative_accuracy'))} | "
            f"{gap:+.2f} | {test.p_value:.2g} | {columns} |"
        )
    return [
        *lines,
        "",
        "The published columns are the paper's Table I in its versions of July "
        "2021 and February 2022 and a reproduction by others, on IMDB with "
        "bert-base; their ResNet is Wide ResNet50-2. p: exact McNemar test "
        "against logistic regression on the stacks, on the same texts. Of the "
        "picture kept: share of the validation pictures' variance that can be "
        "read linearly off the frozen maps (R^2); an autoencoder that is so "
        "solved for has no learning rate.",
        "",
    ]


def baseline_table(compared: dict[str, dict[str, Any]]) -> list[str]:
    """What can be had from texts, stacks, pictures and maps by themselves."""
    lines = [
        "## What each stage costs",
        "",
        "| from | classifier | accuracy |",
        "| --- | --- | --- |",
    ]
    lines += [
        f"| {name} | {found['model']} | {found['accuracy']:.4f} |"
        for name, found in compared.items()
    ]
    best = max(compared, key=lambda name: compared[name]["accuracy"])
    return [*lines, "", f"The best of these is {best}.", ""]


def ablation_tables(groups: dict[str, list[Row]]) -> list[str]:
    """One small table a question, its rows tested against one of them."""
    lines: list[str] = []
    for group, rows in groups.items():
        if group == "backbones":
            continue
        base = _base_row(rows)
        lines += [
            f"### {group}",
            "",
            "| | seeds | accuracy | p against the bold row |",
            "| --- | --- | --- | --- |",
        ]
        for row in rows:
            if not row["cells"]:
                lines.append(f"| {row['name']} | 0 | not trained | - |")
                continue
            p = "-"
            if base is not None and row is not base:
                test = significance.mcnemar(row["right"][0], base["right"][0])
                p = f"{test.p_value:.2g}" + (
                    " *" if test.p_value < _LEVEL else ""
                )
            name = f"**{row['name']}**" if row is base else row["name"]
            lines.append(
                f"| {name} | {len(row['cells'])} | "
                f"{mean_and_deviation(_accuracies(row))} | {p} |"
            )
        lines.append("")
    if not lines:
        return []
    return [
        "## Ablations",
        "",
        "Bold: the base, or, of rows that differ from it by several flags, "
        "the first. p: exact McNemar test against it, first seeds; *: below "
        f"0.05. {len(groups) - 1} questions are asked, and one such p in "
        "twenty is chance.",
        "",
        *lines,
    ]


def _base_row(rows: list[Row]) -> Row | None:
    """The row with the base's settings, else the first; of trained ones."""
    trained = [row for row in rows if row["cells"]]
    bases = [row for row in trained if row["cells"][0][0].is_base]
    return next(iter(bases + trained), None)
