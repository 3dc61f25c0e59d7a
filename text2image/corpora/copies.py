"""Copies of texts: how many there are, and whether their labels agree."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from text2image.corpora import blocks
from text2image.corpora.examples import Corpus, usable
from text2image.corpora.index import Index

_EXCERPT = 80  # characters of a text that are shown


def count_repeats(
    part: np.ndarray, group: np.ndarray, part_names: list[str]
) -> dict[str, int]:
    """Counts copies beyond the first: in all, within and across parts."""
    num_groups = int(group.max()) + 1
    repeats = {"all": len(group) - num_groups}
    num_present = 0  # groups of each part, summed
    for number, name in enumerate(part_names):
        of_part = group[part == number]
        is_present = np.zeros(num_groups, bool)
        for block in blocks.blocks(len(of_part)):
            is_present[of_part[block]] = True
        present = int(np.count_nonzero(is_present))
        repeats[f"within_{name}"] = len(of_part) - present
        num_present += present
    repeats["across_parts"] = num_present - num_groups
    return repeats


def count_contradictions(
    source: Corpus, index: Index, identity: Callable[[Any], str]
) -> dict[str, Any]:
    """Counts texts whose copies have different labels, and their rows."""
    group, label = index.group, index.label
    num_groups = int(group.max()) + 1
    lowest = np.full(num_groups, blocks.MOST, np.int32)
    for block in blocks.blocks(len(group)):
        np.minimum.at(lowest, group[block], label[block])
    differs = np.zeros(num_groups, bool)
    for block in blocks.blocks(len(group)):
        of_block = group[block]
        differs[of_block[label[block] != lowest[of_block]]] = True
    del lowest
    of_row = blocks.take(differs, group)
    counts: dict[str, Any] = {
        "texts": int(differs.sum()),
        "rows": int(of_row.sum()),
    }
    if not of_row.any():
        return counts
    first = int(np.argmax(of_row))
    other = int(np.argmax((group == group[first]) & (label != label[first])))
    rows = blocks.where(index.is_used)[[first, other]]
    stream = itertools.chain.from_iterable(
        read() for read in source.parts.values()
    )
    examples = [
        usable(item)
        for row, item in enumerate(itertools.islice(stream, int(rows[1]) + 1))
        if row in rows
    ]
    counts["first"] = describe(
        identity(examples[0]),
        [example.id for example in examples],
        [index.label_names[label[used]] for used in (first, other)],
    )
    return counts


def describe(
    text: str, ids: Sequence[str], class_names: Sequence[str]
) -> dict[str, Any]:
    """A contradiction for messages: the text's beginning, ids and classes."""
    text = " ".join(text.split())
    return {
        "text": text if len(text) <= _EXCERPT else text[:_EXCERPT] + "…",
        "ids": list(ids),
        "labels": list(class_names),
    }
