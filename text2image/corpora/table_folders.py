"""A folder of tables: train.csv and test.csv, or a Hugging Face dataset.

What `datasets` writes with `save_to_disk` and what a snapshot of its Hub has
(`data/train-00000-of-00001.parquet`, or `train/` and `test/`) are read alike:
the part is what the name of a file, or of its folder, says.
"""

import functools
import json
import pathlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from text2image import hashes
from text2image.corpora import columns, compression, part_names, row_files
from text2image.corpora.rows import Fault, Reading, Row, RowSource
from text2image.corpora.table import Table

# What Hugging Face's libraries keep beside the data.
_METADATA = (
    *("dataset_info.json", "dataset_infos.json", "dataset_dict.json"),
    *("state.json", "features.json", "metadata.json", "config.json"),
)
_STATE, _DICT = "state.json", "dataset_dict.json"


def tables_in(directory: pathlib.Path) -> list[pathlib.Path]:
    """Tables in a folder and the folders below it, by name."""
    return sorted(
        path
        for path in directory.rglob("*")
        if row_files.is_table(path.name)
        and path.name not in _METADATA
        and not any(
            part.startswith(".") for part in path.relative_to(directory).parts
        )
        and path.is_file()
    )


def open_table_folder(directory: pathlib.Path, reading: Reading) -> RowSource:
    """Opens a folder of tables; its parts are what the files' names say.

    Raises:
        ValueError: If the parts cannot be told from the names, or a table
            spells a column otherwise than the first.
    """
    files, ignored = parts_of(directory)
    tables = {
        part: [open_file(directory, path, reading) for path in paths]
        for part, paths in files.items()
    }
    every = [table for part in tables.values() for table in part]
    first = next(iter(tables.get("train", []) or every))
    for part, paths in files.items():
        for path, table in zip(paths, tables[part], strict=True):
            _check_spelling(path, table, first.columns)
    names = ", ".join(
        f"{part} from {paths[0].relative_to(directory).as_posix()}"
        + (f" and {len(paths) - 1} more" if len(paths) > 1 else "")
        for part, paths in files.items()
    )
    guesses = [f"reading {directory}: {names}"]
    if ignored:
        guesses.append(
            f"left out: {len(ignored)} other tables"
            + compression.shown(
                [path.relative_to(directory).as_posix() for path in ignored]
            )
        )
    for table in every:
        guesses += [line for line in table.guesses if line not in guesses]
    return RowSource(
        name=directory.resolve().name,
        parts={part: _reader(opened) for part, opened in tables.items()},
        columns=first.columns,
        hash_files=functools.partial(
            hashes.sha256_of_tree,
            directory,
            [path for paths in files.values() for path in paths],
        ),
        guesses=tuple(guesses),
        format=_format(directory, files, tables),
        has_header=first.has_header,
        class_names=first.class_names,
    )


def _check_spelling(
    path: pathlib.Path, table: Table, expected: tuple[str, ...]
) -> None:
    """Refuses `Label` beside `label`: it would be read as no label at all."""
    known = {columns.folded(name): name for name in expected}
    other = [
        name
        for name in table.columns
        if name not in expected and columns.folded(name) in known
    ]
    if other:
        named = [known[columns.folded(name)] for name in other]
        raise ValueError(
            f"{path}: expected the columns {columns.shown(named)}, as in the "
            f"first table. Received: {columns.shown(other)}. Rename them in "
            "one of the files."
        )


def open_file(
    directory: pathlib.Path, path: pathlib.Path, reading: Reading
) -> Table:
    """Opens one of a folder's tables; keys begin with its name."""
    name = path.relative_to(directory).as_posix()
    return row_files.open_table(path, reading, f"{name}:")


def _reader(tables: list[Table]) -> Callable[[], Iterator[Row | Fault]]:
    def read() -> Iterator[Row | Fault]:
        for table in tables:
            yield from table.read()

    return read


def _format(
    directory: pathlib.Path,
    files: Mapping[str, list[pathlib.Path]],
    tables: Mapping[str, list[Table]],
) -> dict:
    """Formats of those files that are not read as usual."""
    return {
        path.relative_to(directory).as_posix(): dict(table.format)
        for part, paths in files.items()
        for path, table in zip(paths, tables[part], strict=True)
        if table.format
    }


def is_table_folder(directory: pathlib.Path) -> bool:
    """Whether a folder has tables, or is a dataset that `datasets` saved."""
    return bool(tables_in(directory)) or (directory / _DICT).is_file()


def parts_of(
    directory: pathlib.Path,
) -> tuple[dict[str, list[pathlib.Path]], list[pathlib.Path]]:
    """Files per part, and the tables that belong to none.

    Raises:
        ValueError: If the parts cannot be told from the names.
    """
    if (directory / _STATE).is_file():
        return {"train": _saved(directory)}, []
    if (directory / _DICT).is_file():
        splits = json.loads((directory / _DICT).read_text("utf-8"))["splits"]
        return {
            part: _saved(directory / split)
            for part, split in _parts_of_names(directory, splits).items()
        }, []
    tables = tables_in(directory)
    parts: dict[str, list[pathlib.Path]] = {}
    ignored = []
    for path in tables:
        part = _part_of(path.relative_to(directory))
        if part is None:
            ignored.append(path)
        else:
            parts.setdefault(part, []).append(path)
    if not parts and len(tables) == 1:
        return {"train": tables}, []
    if not parts:
        raise ValueError(
            f"{directory}: expected files named train, validation or test. "
            f"Received: {len(tables)} tables"
            f"{_named(directory, tables)}. Name one of them with --dataset, "
            "or rename them."
        )
    if len(parts) == 1 and not ignored and not {*parts} & {*part_names.PARTS}:
        parts = {"train": next(iter(parts.values()))}  # data-00000-of-00002
    elif not {*parts} & {*part_names.PARTS}:  # imdb-train-00000-of-00002
        names = _parts_of_names(directory, parts)
        parts = {part: parts[name] for part, name in names.items()}
    for part, paths in parts.items():
        if len(_kinds(directory, paths)) > 1:
            raise ValueError(
                f"{directory}: expected one file, or numbered ones, for "
                f"{part}. Received: {len(paths)}{_named(directory, paths)}. "
                "Name a file or a folder with --dataset, or move the others "
                "away."
            )
    return part_names.in_order(parts), ignored


def _saved(directory: pathlib.Path) -> list[pathlib.Path]:
    """Files of a dataset that `save_to_disk` wrote, in their order."""
    state = json.loads((directory / _STATE).read_text("utf-8"))
    return [directory / item["filename"] for item in state["_data_files"]]


def _parts_of_names(
    directory: pathlib.Path, names: Iterable[str]
) -> dict[str, str]:
    """Part to the name that says it; the other names stay parts themselves.

    Raises:
        ValueError: If several names say one part, and none of them is its own.
    """
    said: dict[str, list[str]] = {}
    for name in names:
        said.setdefault(part_names.part_of(name) or name, []).append(name)
    parts: dict[str, str] = {}
    for part, several in said.items():
        own = [name for name in several if name.lower() in part_names.WORDS]
        chosen = several if len(several) == 1 else own
        if len(chosen) != 1:
            raise ValueError(
                f"{directory}: expected one split for {part}. Received: "
                f"{columns.shown(several)}. Name the folder or a file of one "
                "of them with --dataset."
            )
        parts |= {part if n in chosen else n: n for n in several}
    return parts


def _part_of(path: pathlib.PurePath) -> str | None:
    """The part that a file's name says, or else the nearest folder's."""
    for name in (path.name, *reversed(path.parent.parts)):
        part = part_names.part_of(name)
        if part:
            return part
    return None


def _kinds(
    directory: pathlib.Path, paths: list[pathlib.Path]
) -> set[tuple[str, ...]]:
    """Names without their numbers: shards of one set have the same."""
    return {
        tuple(
            re.sub(r"\d+", "0", part)
            for part in path.relative_to(directory).parts
        )
        for path in paths
    }


def _named(directory: pathlib.Path, paths: list[pathlib.Path]) -> str:
    return compression.shown(
        [path.relative_to(directory).as_posix() for path in paths], 100
    )
