"""The sections of the audit's report, as lines of Markdown."""

import collections
from collections.abc import Sequence

import numpy as np

from trainers.multimodal.class_modes import Modes
from trainers.multimodal.class_similarity import ClassSimilarity
from trainers.multimodal.suspect_labels import Recovery, held_out_numbers
from trainers.multimodal.vector_index import VectorIndex
from trainers.reports import markdown
from trainers.reports.mistakes import Predictions

_SHOWN = 10


def suspects_section(
    predictions: Predictions, recovery: Recovery, share: float
) -> list[str]:
    """The first suspects, and how the rule does on labels flipped on purpose.

    Args:
        predictions: Predictions of the held-out rows.
        recovery: Result on the flipped labels.
        share: Share of the labels that were flipped.
    """
    rows, suggested = predictions.suspects()
    names = predictions.label_names
    lines = [
        f"{len(rows):,} of {len(predictions.labels):,} held-out labels may be "
        "wrong by confident learning (Northcutt et al. 2021): among the "
        "classes that are at least as probable for the sample as they are on "
        "average for samples with that label, the most probable is not its "
        "own. The less accurate the model, the more of these are its mistakes. "
        "The model has learnt the train labels, so they are not judged: train "
        "again with another --split_seed to judge others.",
        "",
        f"To see what the rule finds, {100 * share:g}% of these labels "
        f"({recovery.flipped:,}) were flipped to another class: "
        f"{recovery.found:,} are suspect, recall {recovery.recall:.3f}. Of all "
        f"{recovery.suspects:,} suspects then, they are "
        f"{recovery.precision:.3f}: the precision, if every other label is "
        "right.",
    ]
    if not len(rows):
        return lines
    return [
        *lines,
        "",
        *markdown.table(
            ("id", "label", "suggestion", "probability of the label"),
            [
                (
                    markdown.plain(predictions.ids[row], most=60),
                    markdown.plain(names[predictions.labels[row]], most=40),
                    markdown.plain(names[label], most=40),
                    f"{predictions.self_confidence[row]:.4f}",
                )
                for row, label in list(zip(rows, suggested, strict=True))[
                    :_SHOWN
                ]
            ],
        ),
        "",
        "`suspects.csv` has all of them.",
    ]


def modes_section(
    index: VectorIndex, predictions: Predictions, modes: Sequence[Modes]
) -> list[str]:
    """The classes with several modes, and what the model makes of each."""
    names = predictions.label_names
    held_out = dict(
        zip(
            held_out_numbers(index).tolist(), predictions.predicted, strict=True
        )
    )
    rows = []
    split = [each for each in modes if each.count > 1]
    for each in split:
        for mode in range(each.count):
            numbers = each.rows[each.modes == mode]
            predicted = [
                held_out[number] for number in numbers if number in held_out
            ]
            rows.append(
                (
                    markdown.plain(names[each.label], most=40),
                    f"{mode + 1} of {each.count}",
                    f"{each.silhouette:.3f}",
                    f"{len(numbers):,}",
                    *_predicted(each.label, predicted, names),
                )
            )
    lines = [
        "A mode is a cluster of the joint vectors of a class (k-means of 2 to "
        "6, each of at least 5% of the class, by the greatest silhouette; one "
        "mode if that is not above 0.25). A mode whose samples the model puts "
        "elsewhere may be of another class; one that is as right as the "
        "others is a kind within the class. Of a class with more than 1,000 "
        "samples, 1,000 are drawn.",
        "",
        f"{len(split)} of {len(modes)} classes have several modes.",
    ]
    if not rows:
        return lines
    return [
        *lines,
        "",
        *markdown.table(
            (
                "class",
                "mode",
                "silhouette",
                "samples",
                "held-out accuracy",
                "taken most often for",
            ),
            rows,
        ),
        "",
        "`modes.csv` has the mode of each of these samples.",
    ]


def _predicted(
    label: int, predicted: Sequence[int], names: Sequence[str]
) -> tuple[str, str]:
    """Accuracy, and the most frequent other class; `-` where there is none."""
    if not predicted:
        return "-", "-"
    right = f"{np.mean(np.array(predicted) == label):.3f}"
    others = collections.Counter(each for each in predicted if each != label)
    if not others:
        return right, "-"
    ((other, count),) = others.most_common(1)
    return right, f"{markdown.plain(names[other], most=40)} ({count})"


def similarity_section(
    predictions: Predictions, similarity: ClassSimilarity | None
) -> list[str]:
    """The most similar pairs, and whether such classes are confused."""
    if similarity is None:
        return ["The model sees titles of fewer than two classes."]
    names = predictions.label_names
    test = similarity.test
    lines = [
        "Cosine of the mean title vectors of two classes, less the mean of all "
        "train titles; the vectors are the encoder's own, which no label has "
        "moved."
    ]
    if test["rho"] is not None:
        lines += [
            "",
            "Spearman's correlation with the share of held-out samples "
            f"confused between the two: {test['rho']:.3f}, p {test['p']:.4f} "
            f"(Mantel's test, {test['orders']:,} orders of the classes).",
        ]
    pairs = np.triu_indices(len(similarity.labels), 1)
    order = np.argsort(-similarity.cosines[pairs], kind="stable")[:_SHOWN]
    return [
        *lines,
        "",
        *markdown.table(
            ("class", "class", "cosine"),
            [
                (
                    *(
                        markdown.plain(
                            names[similarity.labels[side[place]]], most=40
                        )
                        for side in pairs
                    ),
                    f"{similarity.cosines[pairs][place]:.3f}",
                )
                for place in order
            ],
        ),
        "",
        "`title_similarity.csv` has all of them.",
    ]
