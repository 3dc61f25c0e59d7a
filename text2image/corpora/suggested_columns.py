"""The columns that an error suggests as text and label."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from text2image.corpora.rows import Fault, Row

_ROWS = 100


def suggest(
    rows: Iterable[Row | Fault],
    texts: Sequence[str],
    labels: Sequence[str],
) -> tuple[str, str]:
    """Picks the column of the longest texts, and of the fewest labels.

    Args:
        rows: Rows of the source; the first ones are read.
        texts: Columns that may be the text.
        labels: Columns that may be the label.

    Returns:
        The text's column and the label's, which are different; `""` where
        none is likely.
    """
    values = [
        row.values
        for row in itertools.islice(rows, _ROWS)
        if isinstance(row, Row)
    ]
    text = max(texts, key=lambda name: _length(values, name), default="")
    labels = [
        name
        for name in labels
        if name != text and 1 < _num_values(values, name) <= len(values) / 2
    ]
    return text, min(
        labels, key=lambda name: _num_values(values, name), default=""
    )


def _length(rows: Sequence[Mapping[str, Any]], name: str) -> int:
    return sum(len(row[name]) for row in rows if isinstance(row.get(name), str))


def _num_values(rows: Sequence[Mapping[str, Any]], name: str) -> int:
    return len({str(row.get(name)) for row in rows})
