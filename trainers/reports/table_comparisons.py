"""A table beside what others do and publish, as lines of Markdown."""

import math
import pathlib
import re
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trainers import backbones
from trainers.experiments import significance
from trainers.reports import markdown
from trainers.reports.table_sections import PUBLISHED, TrainedRow

_SOURCES = ("the paper, July 2021", "its last version", "the reproduction")
# The paper's own "± 0.01".
_STATED = 0.01
# Texts of the paper's split.
_SIZES = (40_000, 10_000)


def peer_table(
    peers: Mapping[str, Mapping[str, Any]],
    rows: Sequence[TrainedRow],
    labels: np.ndarray,
) -> list[str]:
    """What the method competes with, tested against each trained backbone.

    Args:
        peers: Name to result, with `seconds` and `predictions`.
        rows: One row per backbone.
        labels: Classes of the validation texts, `(N,)`.
    """
    if not peers:
        return []
    trained = [row for row in rows if row.metrics]
    return [
        "## What it competes with",
        "",
        *markdown.table(
            (
                "",
                "what it is",
                "accuracy",
                "seconds",
                *(
                    f"p against {backbones.get_backbone(row.name).title}"
                    for row in trained
                ),
            ),
            [
                (
                    name,
                    result["model"],
                    f"{result['accuracy']:.4f}",
                    f"{result['seconds']:,.0f}",
                    *(
                        _p(np.array(result["predictions"]) == labels, row)
                        for row in trained
                    ),
                )
                for name, result in peers.items()
            ],
        ),
        "",
        "Trained on the same train texts, one seed each. Seconds: training and "
        "validations, on this machine. p: exact McNemar test against the "
        "backbone's first finished seed, on the same texts.",
        "",
    ]


def _p(right: np.ndarray, row: TrainedRow) -> str:
    return f"{significance.mcnemar(right, row.right[0]).p_value:.2g}"


def published_table(
    rows: Sequence[TrainedRow],
    sizes: tuple[int, int],
    details: Mapping[str, Any],
) -> list[str]:
    """Our accuracies less the published ones, and whether they agree.

    Args:
        rows: One row per backbone.
        sizes: Train and validation texts.
        details: Details of the manifest of the image records.
    """
    trained = [row for row in rows if row.metrics and row.name in PUBLISHED]
    if not trained:
        return []
    return [
        "## Beside the published accuracies",
        "",
        *_setting(trained, sizes, details),
        "",
        *markdown.table(
            ("", "ours", "± 2 SE", *_SOURCES, "agrees with"),
            [_beside(row, sizes[1]) for row in trained],
        ),
        "",
        "Published columns: our accuracy less theirs, in points. SE: standard "
        f"error of an accuracy on {sizes[1]:,} texts. Two accuracies agree if "
        f"they differ by no more than the ± {_STATED:g} that the paper states "
        "and two standard errors.",
        "",
    ]


def _setting(
    rows: Sequence[TrainedRow],
    sizes: tuple[int, int],
    details: Mapping[str, Any],
) -> list[str]:
    """Says whether the published setting is this one, and what differs."""
    encoder = pathlib.PurePath(
        str((details.get("encoder") or {}).get("source", "not recorded"))
    ).name
    corpus = str((details.get("stacks") or {}).get("corpus", "not recorded"))
    weights = sorted({row.config.weights for row in rows if row.config})
    differs = [
        f"{name} {ours}, there {theirs}"
        for name, ours, theirs, is_same in (
            ("corpus", corpus, "IMDB", "imdb" in corpus.lower()),
            (
                "texts",
                " / ".join(f"{size:,}" for size in sizes),
                " / ".join(f"{size:,}" for size in _SIZES),
                sizes == _SIZES,
            ),
            (
                "encoder",
                encoder,
                "BERT base",
                "bert_base" in re.sub(r"\W", "_", encoder.lower()),
            ),
            (
                "weights",
                ", ".join(pathlib.PurePath(name).name for name in weights),
                "imagenet",
                weights == ["imagenet"],
            ),
        )
        if not is_same
    ]
    if not differs:
        return ["Corpus, split, encoder and weights are those of the paper."]
    return [
        "Not the setting of the paper, so that the last column is no verdict: "
        f"{markdown.plain('; '.join(differs))}."
    ]


def _beside(row: TrainedRow, count: int) -> tuple[str, ...]:
    ours = statistics.fmean(row.values("accuracy"))
    error = 2 * math.sqrt(ours * (1 - ours) / count)
    published = dict(zip(_SOURCES, PUBLISHED[row.name], strict=True))
    agrees = [
        name
        for name, theirs in published.items()
        if abs(ours - theirs) <= _STATED + error
    ]
    return (
        backbones.get_backbone(row.name).title,
        markdown.mean_and_deviation(row.values("accuracy")),
        f"{error:.4f}",
        *(f"{100 * (ours - theirs):+.2f}" for theirs in published.values()),
        ", ".join(agrees) or "none",
    )
