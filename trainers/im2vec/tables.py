"""The report's tables, as lines of Markdown."""

from typing import Any

import numpy as np

from trainers.im2vec import evaluation, similarity_tests

# The paper's network on CIFAR-10, section 4.1.
_PAPER_CIFAR10 = 0.41


def number(value: float | None) -> str:
    """Three digits, or that there is no such number."""
    return "not defined" if value is None else f"{value:.3f}"


def networks_table(metrics: dict[str, Any]) -> list[str]:
    """Accuracy and condition of every network."""
    lines = [
        "| network | test accuracy | condition number of W2 | vectors' error "
        "by float32 |",
        "| --- | --- | --- | --- |",
    ]
    for row in metrics["networks"]:
        lines.append(
            f"| {row['name']} | {row['accuracy']:.4f} | "
            f"{row['condition_number']:.4g} | "
            f"{row['relative_error']:.1e} |"
        )
    is_cifar10 = metrics["dataset"].partition("_")[0] == "cifar10"
    if is_cifar10 and len(metrics["class_names"]) == 10:
        lines.append(f"| the paper, 500 epochs | {_PAPER_CIFAR10} | | |")
    chance = 1 / len(metrics["class_names"])
    lines.append(f"| guessing | {chance:.4f} | | |")
    return lines


def warning(metrics: dict[str, Any]) -> list[str]:
    """Says which W2 are ill-conditioned; nothing where none is."""
    ill = [row["name"] for row in metrics["networks"] if row["ill_conditioned"]]
    if not ill:
        return []
    return [
        f"**W2 is ill-conditioned ({', '.join(ill)})**: rounding alone may "
        "move the inverse by more than 0.1%. Compare with --inverse=pinv or "
        "--inverse=ridge.",
        "",
    ]


def truth_table(metrics: dict[str, Any]) -> list[str]:
    """Correlations with confusion and mean images."""
    if len(metrics["class_names"]) < 3:
        return ["Not defined: two classes have one distance, and any fits."]
    names = [row["name"] for row in metrics["networks"]]
    lines = [
        "| against | vectors' distance | "
        + " | ".join(f"{name} (p)" for name in names)
        + " | chance: mean [5%, 95%] |",
        "| --- | --- |" + " --- |" * (len(names) + 1),
    ]
    for row in metrics["truth"]:
        tests = " | ".join(
            f"{number(test['rho'])} ({number(test['p'])})"
            for test in row["tests"]
        )
        random = row["random"]
        lines.append(
            f"| {row['reference']} | {row['metric']} | {tests} | "
            f"{number(random['mean'])} [{number(random['low'])}, "
            f"{number(random['high'])}] |"
        )
    return lines


def stability_table(metrics: dict[str, Any]) -> list[str]:
    """How far networks of other seeds agree; nothing for two classes."""
    if len(metrics["class_names"]) < 3:
        return []
    stability = metrics["stability"]
    lines = [
        "| vectors of | Procrustes disparity, 0 the same to 1 | Spearman "
        "correlation of distances |",
        "| --- | --- | --- |",
    ]
    for key, name in (
        ("trained", "networks of two seeds"),
        ("start", "a network and its own random start"),
        ("random", "two random W2"),
    ):
        row = stability[key]
        if row["procrustes"] is not None:
            lines.append(
                f"| {name} | {number(row['procrustes'])} | "
                f"{number(row['spearman'])} |"
            )
    return lines


def nearest_table(
    network: evaluation.Network,
    own: np.ndarray,
    names: tuple[str, ...],
    means: np.ndarray,
) -> list[str]:
    """Every class's nearest by vectors, confusion and mean images."""
    columns = [
        similarity_tests.nearest(matrix)
        for matrix in (
            similarity_tests.distances(own),
            similarity_tests.confusion_distances(network.confusion),
            similarity_tests.distances(means),
        )
    ]
    lines = [
        "| class | by vectors | by confusion | by mean images |",
        "| --- | --- | --- | --- |",
    ]
    for name, *near in zip(names, *columns, strict=True):
        lines.append(
            f"| {name} | " + " | ".join(names[index] for index in near) + " |"
        )
    return lines
