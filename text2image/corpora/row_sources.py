"""Files and folders as sources of rows."""

import functools
import pathlib

from text2image import hashes
from text2image.corpora import (
    compression,
    row_files,
    table_folders,
    text_folders,
    tfds_builders,
)
from text2image.corpora.rows import GUESSED, Reading, RowSource
from text2image.corpora.table import Table

DEMO = "demo"
_MOST_NAMES = 10


def is_path(dataset: str) -> bool:
    """Whether a dataset is a file or folder of rows, or is named like a file.

    A directory that TFDS prepared, or the name of a TFDS dataset, is none.
    """
    path = pathlib.Path(dataset)
    if path.is_dir():
        return not tfds_builders.is_tfds_directory(path)
    return path.is_file() or row_files.is_table(path)


def check_parts(dataset: str, reading: Reading) -> None:
    """Refuses `--train_split` and `--validation_split` of what is not TFDS's.

    Raises:
        ValueError: If the dataset is the demo, a file or a folder.
    """
    for name in ("train_split", "validation_split"):
        asked = getattr(reading, name)
        if asked and (dataset == DEMO or is_path(dataset)):
            raise ValueError(
                f"--{name}={asked} takes examples of a TFDS dataset. Received: "
                f"--dataset={dataset}, which is none. Omit --{name}; the parts "
                "of a folder are its files train, validation and test."
            )


def open_rows(dataset: str, reading: Reading = GUESSED) -> RowSource:
    """Opens a file or folder; a file has the part `train`.

    Args:
        dataset: Its path.
        reading: The flags.

    Raises:
        FileNotFoundError: If it does not exist.
        ValueError: If it cannot be read.
    """
    path = pathlib.Path(dataset)
    if path.is_dir():
        return _open_folder(path, reading)
    return source_of(path, row_files.open_table(path, reading))


def source_of(path: pathlib.Path, table: Table) -> RowSource:
    """A table as a source of the part `train`."""
    return RowSource(
        name=pathlib.PurePath(compression.inner_name(path)).stem,
        parts={"train": table.read},
        columns=table.columns,
        hash_files=functools.partial(hashes.sha256_of_files, [path]),
        guesses=table.guesses,
        format=table.format,
        has_header=table.has_header,
        class_names=table.class_names,
    )


def _open_folder(path: pathlib.Path, reading: Reading) -> RowSource:
    if table_folders.is_table_folder(path):
        return table_folders.open_table_folder(path, reading)
    if text_folders.is_text_folder(path):
        return text_folders.open_text_folder(path, reading)
    names = sorted(child.name for child in path.iterdir())
    raise ValueError(
        f"{path}: expected a folder with train and test tables "
        f"({', '.join(row_files.SUFFIXES)}), with a folder of .txt files per "
        f"class, or a dataset that TFDS prepared. Received: {len(names)} "
        f"entries{compression.shown(names, _MOST_NAMES)}."
    )
