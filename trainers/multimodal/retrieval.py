"""How good a search among a run's rows is, measured on held-out rows."""

import dataclasses
import itertools
import time
from collections.abc import Iterable, Iterator

import numpy as np

from trainers.multimodal.vector_index import VectorIndex

_BATCH = 256  # queries at a time
_TIMED_SECONDS = 0.5  # of single queries


@dataclasses.dataclass(frozen=True)
class Quality:
    """What a search with some modalities finds.

    Attributes:
        modalities: What the queries have.
        num_queries: Queries that have all of them.
        recall: Share of queries with a row of their class among the nearest.
        precision: Mean share of the nearest that have the query's class.
        per_second: Queries per second, one at a time.
        batched_per_second: The same, 256 at a time.
    """

    modalities: tuple[str, ...]
    num_queries: int
    recall: float
    precision: float
    per_second: float
    batched_per_second: float


def measure(
    index: VectorIndex,
    held_out: str,
    top: int,
    *,
    seconds: float = _TIMED_SECONDS,
) -> Iterator[Quality]:
    """Searches with held-out rows among the train rows.

    Args:
        index: The index.
        held_out: Split of the queries.
        top: Rows per query.
        seconds: Least time in which single queries are counted.

    Yields:
        The quality for each choice of the index's modalities, the others
        being removed from the queries; none of a choice no row has.
    """
    towers = list(index.widths)
    queries = np.asarray(index.numbers(held_out))
    for size in range(len(towers), 0, -1):
        for chosen in itertools.combinations(towers, size):
            columns = [towers.index(tower) for tower in chosen]
            has = (index.lengths[queries][:, columns] > 0).all(axis=1)
            if has.any():
                yield _measure(index, queries[has], chosen, top, seconds)


def _measure(
    index: VectorIndex,
    rows: np.ndarray,
    chosen: tuple[str, ...],
    top: int,
    seconds: float,
) -> Quality:
    train = index.numbers("train")

    def queries_of(numbers: np.ndarray) -> np.ndarray:
        queries = np.zeros((len(numbers), index.vectors.shape[1]), np.float32)
        for tower in chosen:
            part = index.part(tower)
            queries[:, part] = index.vectors[numbers][:, part]
        return queries

    hits = []
    start = time.monotonic()
    for first in range(0, len(rows), _BATCH):
        numbers = rows[first : first + _BATCH]
        _, found = index.nearest(queries_of(numbers), top, train)
        hits.append(index.labels[found] == index.labels[numbers][:, None])
    batched = len(rows) / (time.monotonic() - start)
    done, start = 0, time.monotonic()
    while time.monotonic() - start < seconds:
        number = rows[done % len(rows) : done % len(rows) + 1]
        index.nearest(queries_of(number), top, train)
        done += 1
    alone = done / (time.monotonic() - start)
    is_right = np.concatenate(hits)
    return Quality(
        chosen,
        len(rows),
        float(is_right.any(axis=1).mean()),
        float(is_right.mean()),
        alone,
        batched,
    )


def table(measured: Iterable[Quality]) -> Iterator[str]:
    """A line per choice of modalities."""
    yield (
        f"{'searched with':<26}  queries  recall  precision  "
        "queries/s: one at a time  batches\n"
    )
    for item in measured:
        yield (
            f"{', '.join(item.modalities):<26}  {item.num_queries:>7}  "
            f"{item.recall:.4f}  {item.precision:>9.4f}  "
            f"{item.per_second:>24.1f}  {item.batched_per_second:>7.1f}\n"
        )
