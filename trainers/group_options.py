"""`--group_key`: figures by group of the examples that a run is judged by.

This module imports nothing heavy, so that `--help` answers at once.
"""

from typing import Any

from text2image.corpora import groups, row_files, row_sources
from text2image.corpora.rows import Reading, RowSource
from tfrecords.command_line import Rule
from tfrecords.config import RecordsConfig
from tfrecords.settings import setting

Opened = tuple[RowSource, str]


def group_key_setting() -> Any:
    """Makes the setting `group_key` of a text or multimodal run."""
    return setting(
        "",
        "Column of --dataset by whose values the report compares accuracy, "
        "errors and calibration, as in gender. It changes neither records nor "
        "training.",
        group="training",
    )


def ignored(records: RecordsConfig, made: str, num_runs: int = 1) -> list[Rule]:
    """Says where `--group_key` has no effect.

    Args:
        records: Settings of the records.
        made: The flag that names finished records; empty if none does.
        num_runs: Number of runs that vote.
    """
    return [
        (("group_key",), bool(made), f"{made} names finished records"),
        (
            ("group_key",),
            bool(records.stacks),
            "--stacks names vectors, whose rows have no columns",
        ),
        (
            ("group_key",),
            num_runs > 1,
            "a vote is not compared by group; train its maps one by one",
        ),
    ]


def check(
    key: str,
    records: RecordsConfig,
    reading: Reading | None = None,
    *,
    of_images: bool = False,
) -> None:
    """Refuses a key that is no column of a file, before anything is made.

    The columns of a TFDS dataset are known only when it is opened.

    Args:
        key: The flag's value; empty for none.
        records: Settings of the records.
        reading: As of `open_column`.
        of_images: Whether the examples are images with texts, whose folders
            have no columns.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If there is no such column.
    """
    if not key or not (
        records.dataset == row_sources.DEMO
        or row_sources.is_path(records.dataset)
    ):
        return
    if of_images and not row_files.is_table(records.dataset):
        raise ValueError(
            f"--{groups.FLAG} names a column of a file or a feature of a TFDS "
            f"dataset. Received: --dataset={records.dataset}, a folder. Name a "
            "file of rows with the paths of the images."
        )
    open_column(key, records, reading)


def open_column(
    key: str, records: RecordsConfig, reading: Reading | None = None
) -> Opened | None:
    """Opens the corpus at the column; `None` without a key.

    Args:
        key: The flag's value.
        records: Settings of the records.
        reading: How rows are read, if not as `records` say.
    """
    if not key:
        return None
    return groups.open_column(
        records.dataset,
        key,
        data_dir=records.data_dir or None,
        download=records.download,
        reading=reading or records.reading,
    )
