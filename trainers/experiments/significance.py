"""Tests whether two classifiers, or two measures, of the same texts differ."""

import dataclasses

import numpy as np
import scipy.stats


@dataclasses.dataclass(frozen=True)
class McNemar:
    """An exact McNemar test.

    Attributes:
        only_first: Texts that only the first classifier gets right.
        only_second: Texts that only the second one gets right.
        p_value: Two-sided.
    """

    only_first: int
    only_second: int
    p_value: float


def mcnemar(first: np.ndarray, second: np.ndarray) -> McNemar:
    """Compares two classifiers on the texts where just one is right.

    If both are equally good, each such text is a toss of a fair coin: an exact
    binomial test. Source: McNemar 1947, doi:10.1007/BF02295996; Dietterich
    1998, doi:10.1162/089976698300017197, for comparing classifiers.

    Args:
        first: `(N,)` bool, whether the first classifier is right about text n.
        second: The same for the second one, texts in the same order.

    Raises:
        ValueError: If the numbers of texts differ.
    """
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(
            "Both classifiers must have predicted the same texts. Received: "
            f"shapes {first.shape} and {second.shape}"
        )
    only_first = int((first & ~second).sum())
    only_second = int((second & ~first).sum())
    differ = only_first + only_second
    if not differ:
        return McNemar(0, 0, 1.0)
    test = scipy.stats.binomtest(only_first, differ)
    return McNemar(only_first, only_second, float(test.pvalue))


def wilcoxon(first: np.ndarray, second: np.ndarray) -> float:
    """Tests whether two measures of the same texts differ.

    Source: Wilcoxon 1945, doi:10.2307/3001968, the signed-rank test of the
    differences; texts with the same value are left out.

    Args:
        first: `(N,)` values of the first measure. Differences that are equal
            in exact arithmetic must be equal as floats, to share a rank.
        second: The same for the second one, texts in the same order.

    Returns:
        The two-sided p-value; 1 if all values are the same.

    Raises:
        ValueError: If the numbers of texts differ.
    """
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(
            "Both measures must be of the same texts. Received: shapes "
            f"{first.shape} and {second.shape}"
        )
    differences = first - second
    if not differences.any():
        return 1.0
    return float(scipy.stats.wilcoxon(differences).pvalue)
