"""The files of a corpus and how each is cut, opened one at a time."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping

from text2image.corpora import (
    row_files,
    row_sources,
    table_folders,
    text_folders,
    tfds_builders,
    tfds_datasets,
    tfds_splits,
)
from text2image.corpora.rows import Reading, RowSource
from text2image.corpora.spans import Spans


@dataclasses.dataclass(frozen=True)
class Pieces:
    """A corpus as files.

    Attributes:
        source: Its rows, or those of its first file.
        files: Part name to the names of its files, in order.
        open: Opens a file of a part.
    """

    source: RowSource
    files: Mapping[str, tuple[str, ...]]
    open: Callable[[str, str], Spans]


def open_pieces(dataset: str, data_dir: str | None, reading: Reading) -> Pieces:
    """Opens a corpus, and of its files only the first.

    Args:
        dataset: As `texts.open_corpus` takes it, but not `demo`.
        data_dir: Directory of TFDS's datasets.
        reading: How rows are read.

    Raises:
        FileNotFoundError: If it does not exist.
        ValueError: If it cannot be read.
    """
    path = pathlib.Path(dataset)
    if not row_sources.is_path(dataset):
        return _of_tfds(dataset, data_dir, reading)
    if not path.is_dir():
        return Pieces(
            row_sources.open_rows(dataset, reading),
            {"train": ("",)},
            lambda part, file: row_files.open_table(path, reading).pieces,
        )
    if table_folders.is_table_folder(path):
        return _of_tables(path, reading)
    source = row_sources.open_rows(dataset, reading)
    labels = text_folders.parts_of(path)
    return Pieces(
        source,
        dict.fromkeys(labels, ("",)),
        lambda part, file: text_folders.open_part(path, labels[part], reading),
    )


def _of_tables(directory: pathlib.Path, reading: Reading) -> Pieces:
    files = table_folders.parts_of(directory)[0]
    first = next(
        path
        for paths in (files.get("train", []), *files.values())
        for path in paths
    )
    table = table_folders.open_file(directory, first, reading)
    return Pieces(
        row_sources.source_of(directory, table),
        {
            part: tuple(
                path.relative_to(directory).as_posix() for path in paths
            )
            for part, paths in files.items()
        },
        lambda part, file: (
            table_folders.open_file(directory, directory / file, reading).pieces
        ),
    )


def _of_tfds(dataset: str, data_dir: str | None, reading: Reading) -> Pieces:
    source = tfds_datasets.open_rows(dataset, data_dir, False, reading)
    builder = tfds_builders.open_builder(dataset, data_dir, False)
    parts = tfds_splits.choose_parts(
        builder, reading.train_split, reading.validation_split
    )[0]
    slices = {
        (part, each.notation): each
        for part, several in parts.items()
        for each in several
    }
    return Pieces(
        source,
        {
            part: tuple(each.notation for each in several)
            for part, several in parts.items()
        },
        lambda part, file: tfds_datasets.open_slice(
            builder, slices[part, file]
        ),
    )
