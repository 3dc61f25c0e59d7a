"""Rows of records that are near to samples, as a table or JSON lines."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from trainers.serving import formats

_EXCERPT = 60  # characters of the texts that a table shows


@dataclasses.dataclass(frozen=True)
class Found:
    """The rows nearest to one sample.

    Attributes:
        id: Id of the sample.
        rows: Nearest first: `id`, `label`, `split` and texts.
        scores: Cosine of each row.
    """

    id: str
    rows: Sequence[dict[str, Any]]
    scores: Sequence[float]


def table(found: Iterable[Found]) -> Iterator[str]:
    """Aligned lines: rank, cosine, label, split, id and texts."""
    for item in found:
        yield f"sample {formats.printable(item.id)}\n"
        cells = [
            [formats.printable(row[key]) for key in ("label", "split", "id")]
            for row in item.rows
        ]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for rank, (row, score, shown) in enumerate(
            zip(item.rows, item.scores, cells, strict=True), start=1
        ):
            columns = (
                cell.ljust(width)
                for cell, width in zip(shown, widths, strict=True)
            )
            line = f"{rank:>4}  {score:.4f}  {'  '.join(columns)}  "
            yield f"{line}{_excerpt(row)}".rstrip() + "\n"


def _excerpt(row: dict[str, Any]) -> str:
    texts = (row[key] for key in row if key not in ("id", "label", "split"))
    text = formats.printable(" | ".join(filter(None, texts)))
    return text if len(text) <= _EXCERPT else text[: _EXCERPT - 1] + "…"


def json_lines(found: Iterable[Found]) -> Iterator[str]:
    """One object per sample: its id and the nearest rows with `score`."""
    for item in found:
        nearest = [
            {"score": score, **row}
            for row, score in zip(item.rows, item.scores, strict=True)
        ]
        value = {"id": item.id, "nearest": nearest}
        yield json.dumps(value, ensure_ascii=False) + "\n"


Format = Callable[[Iterable[Found]], Iterator[str]]
FORMATS: dict[str, Format] = {"table": table, "jsonl": json_lines}
