"""The group of each example: the value of one more column of its row."""

import math
from collections.abc import Collection
from typing import Any

import numpy as np
import tqdm

from text2image.corpora import columns, row_sources, tfds_datasets
from text2image.corpora.rows import GUESSED, Reading, Row, RowSource

FLAG = "group_key"


def open_column(
    dataset: str,
    key: str,
    *,
    data_dir: str | None = None,
    download: bool = False,
    reading: Reading = GUESSED,
) -> tuple[RowSource, str]:
    """Opens a corpus as rows, and finds a column of it.

    Args:
        dataset: As of `open_corpus`, except the demo.
        key: The column, or a nested field `a.b`.
        data_dir: Directory of TFDS's datasets.
        download: Whether TFDS may fetch a dataset that is not prepared.
        reading: How rows are read.

    Returns:
        The rows, and the column as they spell it.

    Raises:
        FileNotFoundError: If the data do not exist.
        ValueError: If they are the demo, or have no such column.
    """
    if dataset == row_sources.DEMO:
        raise ValueError(
            f"--{FLAG} names a column of --dataset. Received: --dataset="
            f"{dataset}, which has texts and labels alone. Name a dataset with "
            "such a column."
        )
    if row_sources.is_path(dataset):
        source = row_sources.open_rows(dataset, reading)
    else:
        source = tfds_datasets.open_rows(dataset, data_dir, download, reading)
    return source, columns.find(source.name, source.columns, FLAG, key)


def read_groups(
    source: RowSource, column: str, ids: Collection[str]
) -> dict[str, str]:
    """Reads the groups of some examples; one pass over the rows.

    Args:
        source: Rows of the corpus.
        column: Its column, as the rows spell it.
        ids: Ids of the examples.

    Returns:
        Id to the name of its group, which is empty where the row has none.

    Raises:
        ValueError: If a value is a list or an object, or an id is no row's:
            the corpus is another one.
    """
    wanted = set(ids)
    groups: dict[str, str] = {}
    for part, read in source.parts.items():
        for row in tqdm.tqdm(read(), unit="row", desc=f"groups of {part}"):
            if isinstance(row, Row) and row.key in wanted:
                value = columns.value(row.values, column)
                groups[row.key] = _name(row.place, column, value)
    missing = wanted - groups.keys()
    if missing:
        raise ValueError(
            f"{source.name}: {len(missing)} of {len(wanted)} examples that "
            f"were predicted are no rows, as {min(missing)!r}. Train on this "
            "dataset, or name the one that the run was trained on."
        )
    return groups


def _name(place: str, column: str, value: Any) -> str:
    if isinstance(value, np.generic):  # of TFDS
        value = value.item()
    if isinstance(value, bytes):
        value = value.decode(errors="backslashreplace")
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str | int | float):
        return " ".join(str(value).split())
    raise ValueError(
        f"{place}: `{column}` must be one value. Received: "
        f"{type(value).__name__}. Name a column of single values with --{FLAG}."
    )
