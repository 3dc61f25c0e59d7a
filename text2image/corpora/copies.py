"""Copies of texts: how many there are, and whether their labels agree."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from text2image.corpora.examples import Corpus, usable
from text2image.corpora.index import Index

_EXCERPT = 80  # characters of a text that are shown


def count_repeats(
    part: np.ndarray, group: np.ndarray, part_names: list[str]
) -> dict[str, int]:
    """Counts copies beyond the first: in all, within and across parts."""
    num_groups = int(group.max()) + 1
    per_part = np.stack(
        [
            np.bincount(group[part == number], minlength=num_groups)
            for number in range(len(part_names))
        ]
    )
    repeats = {"all": int(len(group) - num_groups)}
    for number, name in enumerate(part_names):
        repeats[f"within_{name}"] = int(
            np.maximum(per_part[number] - 1, 0).sum()
        )
    repeats["across_parts"] = int(
        np.maximum((per_part > 0).sum(axis=0) - 1, 0).sum()
    )
    return repeats


def count_contradictions(
    source: Corpus, index: Index, identity: Callable[[Any], str]
) -> dict[str, Any]:
    """Counts texts whose copies have different labels, and their rows."""
    num_groups = int(index.group.max()) + 1
    lowest = np.full(num_groups, np.iinfo(np.int32).max, np.int32)
    np.minimum.at(lowest, index.group, index.label)
    differs = np.zeros(num_groups, bool)
    differs[index.group[index.label != lowest[index.group]]] = True
    of_row = differs[index.group]
    counts: dict[str, Any] = {
        "texts": int(differs.sum()),
        "rows": int(of_row.sum()),
    }
    if not of_row.any():
        return counts
    first = int(np.argmax(of_row))
    other = int(
        np.argmax(
            (index.group == index.group[first])
            & (index.label != index.label[first])
        )
    )
    rows = np.flatnonzero(index.is_used)[[first, other]]
    stream = itertools.chain.from_iterable(
        read() for read in source.parts.values()
    )
    examples = [
        usable(item)
        for row, item in enumerate(itertools.islice(stream, int(rows[1]) + 1))
        if row in rows
    ]
    text = " ".join(identity(examples[0]).split())
    counts["first"] = {
        "text": text if len(text) <= _EXCERPT else text[:_EXCERPT] + "…",
        "ids": [example.id for example in examples],
        "labels": [
            index.label_names[index.label[used]] for used in (first, other)
        ],
    }
    return counts
