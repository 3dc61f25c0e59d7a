"""Repeats and contradictions, counted without an index of all texts.

    table = repeats.digest_table(items, part_number, range_number, label_index)
    buckets = repeats.buckets_of(table, num_buckets)   # per range
    counts = repeats.count_bucket(tables_of_one_bucket, part_names)
    merged = repeats.merge_counts(counts_of_all_buckets)

Equal texts have equal digests, so all copies of a text are in one bucket, and
the sums over the buckets are the numbers of `copies`. Memory holds one range,
or one bucket of all ranges: 29 bytes per text.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from text2image.corpora.examples import Example
from text2image.corpora.rows import Fault

ENTRY = np.dtype(
    [("digest", "V16"), ("row", "<i8"), ("label", "<i4"), ("part", "i1")]
)


@dataclasses.dataclass(frozen=True)
class Counts:
    """Counts of some buckets; `dataclasses.asdict` of it is JSON.

    Attributes:
        num_examples: Number of texts that are used.
        repeats: As `copies.count_repeats` gives it.
        texts: Number of texts whose copies have different labels.
        rows: Number of rows of such texts.
        first: The first such row and the first one that contradicts it,
            each as (range, row in the range); `None` if there is none.
    """

    num_examples: int
    repeats: dict[str, int]
    texts: int
    rows: int
    first: tuple[tuple[int, int], tuple[int, int]] | None = None


def digest_table(
    items: Iterable[Example | Fault],
    part: int,
    piece: int,
    label_index: Mapping[str | None, int],
) -> np.ndarray:
    """Digests of the texts of a range that are used.

    Args:
        items: What `ranges.read` gives.
        part: Number of the range's part.
        piece: Number of the range.
        label_index: Label to class, of the labels that are used.

    Returns:
        `(used,)` of `ENTRY`, sorted by digest.
    """
    raise NotImplementedError


def buckets_of(table: np.ndarray, num_buckets: int) -> list[np.ndarray]:
    """Cuts a table into its buckets, by the first four bytes of digests."""
    raise NotImplementedError


def count_bucket(
    tables: Sequence[np.ndarray], part_names: Sequence[str]
) -> Counts:
    """Counts one bucket of all ranges.

    Args:
        tables: The bucket of each range, as `buckets_of` gave it.
        part_names: Names of the corpus's parts, in order.
    """
    raise NotImplementedError


def merge_counts(counts: Iterable[Counts]) -> Counts:
    """Adds up the counts of buckets."""
    raise NotImplementedError
