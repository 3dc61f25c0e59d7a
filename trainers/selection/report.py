"""What a run with `--preset=best` tells: figures, comparisons, report.md."""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfrecords import files
from trainers.experiments import significance
from trainers.reports import class_tables, markdown
from trainers.runs.workdir import REPORT_FILE
from trainers.selection.choice import Predictions
from trainers.selection.texts import Texts

NAMES = {
    "tfidf": "TF-IDF of words",
    "tfidf_characters": "TF-IDF of words and characters",
    "stacks": "logistic regression on stacks",
    "images": "the image route",
}
# What is told apart on the validation texts: the second is the reference.
_COMPARED = (
    ("images", "stacks"),
    ("images", "tfidf"),
    ("stacks", "tfidf"),
    ("tfidf_characters", "tfidf"),
)


def title(name: str) -> str:
    """The name of a candidate in words."""
    parts = [NAMES[part] for part in name.split("+")]
    return parts[0] if len(parts) == 1 else f"blend: {' + '.join(parts)}"


def figures(
    name: str,
    weights: Mapping[str, float],
    cs: Mapping[str, float],
    out_of_fold: Predictions,
    validated: Predictions,
    texts: Texts,
) -> dict[str, Any]:
    """Returns what metrics.json keeps of a candidate."""
    right = out_of_fold.correct(texts.train.labels)
    return {
        "title": title(name),
        "weights": dict(weights),
        "c": {member: c for member, c in cs.items() if c},
        "cross_validated_accuracy": float(right.mean()),
        "cross_validated_texts": len(right),
        "accuracy": float(validated.correct(texts.validation.labels).mean()),
        "validation_texts": len(validated.rows),
    }


def comparisons(
    validated: Mapping[str, Predictions], labels: np.ndarray
) -> list[dict[str, Any]]:
    """Compares candidates on the validation texts that both predict."""
    pairs = [*_COMPARED]
    for name in validated:
        without = "+".join(n for n in name.split("+") if n != "images")
        if "+" in name and without != name:
            pairs.append((name, without))
    found = []
    for first, second in pairs:
        if not {first, second} <= set(validated):
            continue
        rows = np.intersect1d(validated[first].rows, validated[second].rows)
        right = [
            validated[name].of_rows(rows).argmax(axis=1) == labels[rows]
            for name in (first, second)
        ]
        test = significance.mcnemar(*right)
        found.append(
            {
                "first": first,
                "second": second,
                "gain": float(right[0].mean() - right[1].mean()),
                "only_first": test.only_first,
                "only_second": test.only_second,
                "p_value": test.p_value,
                "texts": len(rows),
            }
        )
    return found


def write(workdir: pathlib.Path, metrics: Mapping[str, Any]) -> None:
    """Writes report.md."""
    files.write_text(workdir / REPORT_FILE, compose(metrics))


def compose(metrics: Mapping[str, Any]) -> str:
    """Composes the report's Markdown."""
    chosen = metrics["chosen"]
    every = metrics["candidates"]
    lines = [
        f"# The best classifier found: {title(chosen)}",
        "",
        f"`{markdown.plain(metrics['corpus'], 60)}`, {metrics['num_train']:,} "
        f"train texts, {len(metrics['label_names'])} classes. Accuracy on "
        f"{metrics['num_validation']:,} validation texts "
        f"**{metrics['accuracy']:.4f}**, macro-F1 {metrics['macro_f1']:.4f}, "
        f"expected calibration error {metrics['calibration_error']:.4f}.",
        "",
        "Chosen by cross-validation on the train texts alone: a candidate "
        "takes the place of a simpler one (higher in the table) only if it is "
        "more often right by more than one standard error of the paired "
        "difference, or at least as often with a likelihood that is higher by "
        "more than one. The validation texts only judge the result.",
        "",
        *markdown.table(
            (
                "candidate",
                "cross-validated ± standard error",
                "on texts",
                "validation",
                "on texts",
            ),
            [_row(name, every[name], name == chosen) for name in every],
        ),
        "",
        *_weights(every[chosen]),
        "## What the image route costs and gains",
        "",
        *_image_route(metrics),
        "",
        "On the validation texts that both have predicted. p: exact McNemar "
        "test; in brackets the texts that only the first or only the second "
        "gets right. Where nothing differs, up to one p in twenty is below "
        "0.05.",
        "",
        *markdown.table(
            ("candidate", "against", "texts", "difference", "p"),
            [_comparison(row) for row in metrics["comparisons"]],
        ),
        "",
        "## What the clock decided",
        "",
        *(
            f"- {name}: {_shown(value)}"
            for name, value in metrics["decisions"].items()
        ),
        "",
        "Seconds: "
        + ", ".join(f"{k} {v:.0f}" for k, v in metrics["seconds"].items())
        + f". {metrics['device']}.",
        "",
        "Another machine may decide otherwise. With a copy of `decisions.json` "
        "in a new --workdir, the same command decides the same.",
        "",
        *class_tables.confusion_section(
            metrics["confusion_matrix"], metrics["label_names"]
        ),
    ]
    return markdown.document(lines)


def _row(
    name: str, values: Mapping[str, Any], is_chosen: bool
) -> tuple[str, ...]:
    accuracy = values["cross_validated_accuracy"]
    count = values["cross_validated_texts"]
    error = (accuracy * (1 - accuracy) / count) ** 0.5
    row = (
        title(name),
        f"{accuracy:.4f} ± {error:.4f}",
        f"{count:,}",
        f"{values['accuracy']:.4f}",
        f"{values['validation_texts']:,}",
    )
    return tuple(f"**{cell}**" for cell in row) if is_chosen else row


def _weights(values: Mapping[str, Any]) -> list[str]:
    parts = [f"{NAMES[n]} {w:.2f}" for n, w in values["weights"].items()]
    return [
        "Weights of the log-probabilities, fitted out of fold: "
        f"{', '.join(parts)}.",
        "",
    ]


def _image_route(metrics: Mapping[str, Any]) -> list[str]:
    if "images" not in metrics["candidates"]:
        reason = metrics["decisions"].get(
            "image route: left out", "too little time was left"
        )
        return [f"It was left out: {reason}. Give it more --minutes."]
    minutes = metrics["seconds"]["images"] / 60
    total = sum(metrics["seconds"].values()) / 60
    return [
        f"It took {minutes:.1f} of {total:.1f} minutes. Its own run is in "
        "`images`."
    ]


def _comparison(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        title(row["first"]),
        title(row["second"]),
        f"{row['texts']:,}",
        f"{100 * row['gain']:+.2f} points",
        f"{row['p_value']:.2g} ({row['only_first']} : {row['only_second']})",
    )


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)
