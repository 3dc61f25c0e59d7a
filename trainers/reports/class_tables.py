"""What a run confuses: the matrix of few classes, the worst pairs of many."""

from collections.abc import Sequence

import numpy as np

from trainers.reports import markdown

MOST_IN_MATRIX = 12  # classes; a table with more columns is not read
_PAIRS = 10


def confusion_section(
    confusion: Sequence[Sequence[int]], class_names: Sequence[str]
) -> list[str]:
    """Tables of a confusion matrix, as lines of Markdown.

    Args:
        confusion: Counts `(K, K)`, rows are true classes.
        class_names: K class names.

    Returns:
        The matrix of up to 12 classes; of more than two, the pairs that are
        confused most.
    """
    matrix = []
    if len(class_names) <= MOST_IN_MATRIX:
        matrix = markdown.table(
            (
                "true \\ predicted",
                *(markdown.plain(name, most=28) for name in class_names),
            ),
            [
                (markdown.plain(name), *row)
                for name, row in zip(class_names, confusion, strict=True)
            ],
        )
    if len(class_names) == 2:
        return matrix
    names = [markdown.plain(name, most=40) for name in class_names]
    return [*matrix, "", *_pairs(np.asarray(confusion), names)]


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
