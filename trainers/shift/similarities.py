"""CKA between all slices, and with the pixels they read."""

from collections.abc import Mapping

import numpy as np

from trainers.shift import cka
from trainers.shift.comparison import Row


def matrix(
    grams: Mapping[str, np.ndarray], *, is_debiased: bool
) -> tuple[list[str], np.ndarray]:
    """Compares every two representations of the same images.

    Args:
        grams: Name to Gram matrix `(n, n)`.
        is_debiased: Whether `cka.debiased_similarity` compares them.

    Returns:
        The names, and the similarities, `(k, k)`.
    """
    compare = cka.debiased_similarity if is_debiased else cka.similarity
    names = list(grams)
    values = [
        [compare(first, second) for second in grams.values()]
        for first in grams.values()
    ]
    return names, np.array(values)


def rows(grams: Mapping[str, Mapping[str, np.ndarray]]) -> list[Row]:
    """Lists `cka` and `debiased_cka` of every pair in every domain."""
    found: list[Row] = []
    for domain, of_domain in grams.items():
        names, plain = matrix(of_domain, is_debiased=False)
        _, debiased = matrix(of_domain, is_debiased=True)
        found += [
            {
                "images": domain,
                "first": names[i],
                "second": names[j],
                "cka": float(plain[i, j]),
                "debiased_cka": float(debiased[i, j]),
            }
            for i in range(len(names))
            for j in range(i)
        ]
    return found
