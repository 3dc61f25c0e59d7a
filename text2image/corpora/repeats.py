"""Repeats and contradictions, counted without an index of all texts.

    table = repeats.digest_table(items, part, piece, label_index)  # of a range
    buckets = repeats.buckets_of(table, num_buckets)
    counts = repeats.count_bucket(one_bucket_of_every_range, part_names)
    merged = repeats.merge_counts(counts_of_every_bucket)

All copies of a text have one digest and so one bucket: the sums over the
buckets are what `copies` counts. Memory holds a range, or a bucket of all
ranges: about 100 bytes per text of it.
"""

import array
import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from text2image.corpora import copies, folding
from text2image.corpora.examples import Example
from text2image.corpora.rows import Fault

# 29 bytes; `row` is the number of the range times 2**32, plus the row in it.
ENTRY = np.dtype(
    [("digest", "V16"), ("row", "<i8"), ("label", "<i4"), ("part", "i1")]
)
_ROWS = 32  # bits
_TEXTS_PER_BUCKET = 1 << 22


@dataclasses.dataclass(frozen=True)
class Counts:
    """Counts of some buckets; `dataclasses.asdict` of it is JSON.

    Attributes:
        num_examples: Number of texts that are used.
        repeats: As `copies.count_repeats` gives them.
        texts: Number of texts whose copies have different labels.
        rows: Number of rows of such texts.
        first: The first of these rows and the first that contradicts it, each
            as (range, row in the range); `None` if there are none.
    """

    num_examples: int
    repeats: dict[str, int]
    texts: int
    rows: int
    first: tuple[tuple[int, int], tuple[int, int]] | None = None

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Counts":
        """Makes the counts of which `dataclasses.asdict` is `value`."""
        first = value["first"]
        if first is not None:
            (piece, row), (other, other_row) = first
            first = ((piece, row), (other, other_row))
        return cls(**{**value, "first": first})


def num_buckets(num_examples: int) -> int:
    """Number of buckets of which each holds about 4 million texts."""
    return max(1, math.ceil(num_examples / _TEXTS_PER_BUCKET))


def digest_table(
    items: Iterable[Example | Fault],
    part: int,
    piece: int,
    label_index: Mapping[str | None, int],
) -> np.ndarray:
    """Digests of the texts of a range that are used.

    Args:
        items: What `ranges.read` gives.
        part: Number of the range's part in the corpus.
        piece: Number of the range.
        label_index: Label to class, of the labels that are used.

    Returns:
        `(used,)` of `ENTRY`, sorted by digest; copies by row.
    """
    digests, rows, labels = bytearray(), array.array("q"), array.array("i")
    for row, item in enumerate(items, start=piece << _ROWS):
        if isinstance(item, Fault) or item.label not in label_index:
            continue
        digests += folding.digest_of(item.text)
        rows.append(row)
        labels.append(label_index[item.label])
    table = np.empty(len(rows), ENTRY)
    table["digest"] = np.frombuffer(digests, ENTRY["digest"])
    table["row"], table["label"], table["part"] = rows, labels, part
    return table[np.argsort(table["digest"], kind="stable")]


def buckets_of(table: np.ndarray, count: int) -> list[np.ndarray]:
    """Cuts a table into `count` buckets by the first four bytes of digests."""
    prefix = np.ascontiguousarray(table["digest"]).view(">u4")[::4]
    bucket = prefix.astype(np.uint64) * np.uint64(count) >> np.uint64(32)
    return np.split(table, np.searchsorted(bucket, np.arange(1, count)))


def count_bucket(
    tables: Sequence[np.ndarray], part_names: Sequence[str]
) -> Counts:
    """Counts a bucket of all ranges.

    Args:
        tables: The bucket of each range, in the order of the ranges.
        part_names: Names of the corpus's parts, in order.
    """
    table = np.concatenate(tables)
    table = table[np.argsort(table["digest"], kind="stable")]
    if not len(table):
        none = ["all", *(f"within_{name}" for name in part_names)]
        return Counts(0, dict.fromkeys([*none, "across_parts"], 0), 0, 0)
    digest = np.ascontiguousarray(table["digest"])
    is_start = np.append(True, digest[1:] != digest[:-1])
    group = np.cumsum(is_start) - 1
    repeats = copies.count_repeats(table["part"], group, list(part_names))
    lowest = np.minimum.reduceat(table["label"], np.flatnonzero(is_start))
    differs = np.zeros(len(lowest), bool)
    differs[group[table["label"] != lowest[group]]] = True
    contradicting = table[differs[group]]
    return Counts(
        num_examples=len(table),
        repeats=repeats,
        texts=int(differs.sum()),
        rows=len(contradicting),
        first=_first(contradicting) if len(contradicting) else None,
    )


def merge_counts(counts: Iterable[Counts]) -> Counts:
    """Adds up the counts of buckets, of which there is at least one."""
    every = list(counts)
    return Counts(
        num_examples=sum(each.num_examples for each in every),
        repeats={
            name: sum(each.repeats[name] for each in every)
            for name in every[0].repeats
        },
        texts=sum(each.texts for each in every),
        rows=sum(each.rows for each in every),
        first=min((each.first for each in every if each.first), default=None),
    )


def _first(table: np.ndarray) -> tuple[tuple[int, int], tuple[int, int]]:
    """The first row of texts that contradict, and the one it contradicts."""
    first = table[np.argmin(table["row"])]
    of_text = table[table["digest"] == first["digest"]]
    others = of_text[of_text["label"] != first["label"]]
    return _position(first["row"]), _position(others["row"].min())


def _position(row: Any) -> tuple[int, int]:
    return divmod(int(row), 1 << _ROWS)
