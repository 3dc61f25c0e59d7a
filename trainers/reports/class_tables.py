"""What a run confuses: the whole matrix of few classes, the worst of many."""

from collections.abc import Sequence

import numpy as np

from trainers.reports import markdown

MOST_IN_MATRIX = 12  # classes; a table with more columns is not read
_WORST = 20  # classes with a line of their own
_PAIRS = 10


def confusion_section(
    confusion: Sequence[Sequence[int]], class_names: Sequence[str]
) -> list[str]:
    """Tables of a confusion matrix, as lines of Markdown.

    Args:
        confusion: Counts `(K, K)`, rows are true classes.
        class_names: K class names.

    Returns:
        The matrix of up to 12 classes; of more, the pairs that are confused
        most and the classes with the lowest F1.
    """
    if len(class_names) <= MOST_IN_MATRIX:
        return markdown.table(
            (
                "true \\ predicted",
                *(markdown.plain(name, most=28) for name in class_names),
            ),
            [
                (markdown.plain(name), *row)
                for name, row in zip(class_names, confusion, strict=True)
            ],
        )
    counts = np.asarray(confusion)
    return [
        *_pairs(
            counts, [markdown.plain(name, most=40) for name in class_names]
        ),
        *_classes(counts, [markdown.plain(name) for name in class_names]),
    ]


def _pairs(counts: np.ndarray, names: list[str]) -> list[str]:
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:_PAIRS]
    pairs = [
        (int(row), int(column))
        for row, column in zip(
            *np.unravel_index(order, wrong.shape), strict=True
        )
        if wrong[row, column]
    ]
    if not pairs:
        return ["No text is in the wrong class.", ""]
    return [
        f"Confused most ({wrong.sum():,} texts are in the wrong class; "
        "`metrics.json` has the whole matrix):",
        "",
        *markdown.table(
            ("true", "predicted", "texts", "of the true class"),
            [
                (
                    names[row],
                    names[column],
                    wrong[row, column],
                    f"{wrong[row, column] / counts[row].sum():.0%}",
                )
                for row, column in pairs
            ],
        ),
        "",
    ]


def _classes(counts: np.ndarray, names: list[str]) -> list[str]:
    right = np.diag(counts)
    true, predicted = counts.sum(axis=1), counts.sum(axis=0)
    recall = right / np.maximum(true, 1)
    precision = right / np.maximum(predicted, 1)
    f1 = 2 * right / np.maximum(true + predicted, 1)
    order = np.argsort(f1, kind="stable")[:_WORST]
    return [
        f"The {len(order)} of {len(names)} classes with the lowest F1:",
        "",
        *markdown.table(
            ("class", "texts", "F1", "recall", "precision"),
            [
                (
                    names[index],
                    true[index],
                    f"{f1[index]:.2f}",
                    f"{recall[index]:.2f}",
                    f"{precision[index]:.2f}",
                )
                for index in order
            ],
        ),
    ]
