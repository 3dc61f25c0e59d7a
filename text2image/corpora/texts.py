"""Labelled texts, as streams that can be read again.

A corpus is a list of parts (`train`, `test`, or one file); each part yields
its examples in a fixed order. Nothing is held in memory.
"""

import json
import pathlib
from collections.abc import Callable, Iterator

from absl import logging

from text2image import assets, hashes
from text2image.corpora import columns, part_names, row_sources, tfds_datasets
from text2image.corpora.examples import Corpus, Example, make_example
from text2image.corpora.row_sources import DEMO
from text2image.corpora.rows import (
    GUESSED,
    Fault,
    Reading,
    Row,
    RowSource,
    refuse_unused,
)


def open_corpus(
    dataset: str,
    *,
    data_dir: str | None = None,
    download: bool = False,
    reading: Reading = GUESSED,
) -> Corpus:
    """Opens a corpus; what is guessed about it is logged.

    Args:
        dataset: `demo` (reviews shipped with the package), the path of a
            file or folder as `row_sources` reads it or of a prepared TFDS
            directory, or the name of a TFDS text dataset such as
            `imdb_reviews`.
        data_dir: Directory of TFDS's datasets.
        download: Whether TFDS may fetch a dataset that is not prepared.
        reading: How rows are read, and which columns.

    Raises:
        FileNotFoundError: If the file or the prepared dataset does not exist.
        ValueError: If the data cannot be read, or it is not clear how; names
            the file and the flags that help.
    """
    row_sources.check_parts(dataset, reading)
    if dataset == DEMO:
        refuse_unused(DEMO, reading)
        columns.choose(DEMO, ("text", "label"), reading)
        return _open_demo()
    if row_sources.is_path(dataset):
        if not pathlib.Path(dataset).exists():
            raise FileNotFoundError(
                "--dataset must be `demo`, a file or folder that exists, or a "
                f"TFDS name. Received: {dataset!r}, which does not exist."
            )
        return _of_rows(
            dataset, row_sources.open_rows(dataset, reading), reading
        )
    source = tfds_datasets.open_rows(dataset, data_dir, download, reading)
    return _of_rows(source.name, source, reading)


def _of_rows(name: str, source: RowSource, reading: Reading) -> Corpus:
    """Chooses the columns of a source of rows, and makes its rows examples."""
    choice = choose_columns(name, source, reading)
    parts = {
        part: read
        for part, read in source.parts.items()
        if part in part_names.PARTS
    }
    after = " after the header" if source.has_header else ""
    where = {p: f" in {p}" if len(parts) > 1 else after for p in parts}
    others = [part for part in source.parts if part not in parts]
    for line in (*source.guesses, *choice.guesses):
        logging.info("%s", line)
    if others:
        logging.info("left out: the parts %s", ", ".join(others))
    return Corpus(
        name=source.name,
        parts={
            part: _examples(name, read, choice, where[part])
            for part, read in parts.items()
        },
        label_names=source.class_names.get(choice.label),
        sha256=source.sha256,
        reading={
            "text_key": choice.text_key,
            "label_key": choice.label,
            **({"format": dict(source.format)} if source.format else {}),
        },
    )


def choose_columns(
    name: str, source: RowSource, reading: Reading
) -> columns.Choice:
    """Chooses the columns of text and label.

    Args:
        name: Name of the source, for messages.
        source: The source.
        reading: The flags.

    Raises:
        ValueError: See `columns.choose`; or if no part can be used, there
            are no rows, or the types of the columns cannot be used.
    """
    if not {*source.parts} & {*part_names.PARTS}:
        raise ValueError(
            f"{name}: expected a part named train, validation or test. "
            f"Received: {', '.join(source.parts)}. Rename them, or name one "
            "file with --dataset."
        )
    if not source.columns:
        raise ValueError(f"{name}: expected rows. Received: none.")
    choice = columns.choose(
        name,
        source.columns,
        reading,
        has_header=source.has_header,
        rows=next(iter(source.parts.values())),
    )
    _check_types(name, source, choice)
    return choice


def _check_types(name: str, source: RowSource, choice: columns.Choice) -> None:
    """Refuses columns whose types are known to be neither text nor label."""
    for flag, keys, reasons in (
        ("text_key", choice.texts, source.not_text),
        ("label_key", (choice.label,), source.not_label),
    ):
        for key in keys:
            reason = reasons.get(key) or reasons.get(key.replace(".", "/"))
            if reason:
                raise ValueError(
                    f"{name}: `{key}` {reason}. Name another with --{flag}."
                )


def _examples(
    name: str,
    rows: Callable[[], Iterator[Row | Fault]],
    choice: columns.Choice,
    where: str,
) -> Callable[[], Iterator[Example | Fault]]:
    def read() -> Iterator[Example | Fault]:
        row = None
        for row in rows():
            yield example_of(row, choice)
        if row is None:
            raise ValueError(f"{name}: expected rows{where}. Received: none.")

    return read


def example_of(row: Row | Fault, choice: columns.Choice) -> Example | Fault:
    """Makes a row an example; a fault stays one."""
    if isinstance(row, Fault):
        return row
    text = choice.text(row)
    if isinstance(text, Fault):
        return text
    return make_example(row.place, row.key, text, choice.label_of(row))


def _open_demo() -> Corpus:
    path = assets.demo_reviews()

    def part(split: str) -> Callable[[], Iterator[Example]]:
        def read() -> Iterator[Example]:
            with path.open(encoding="utf-8") as file:
                for line in file:
                    row = json.loads(line)
                    if row["split"] == split:
                        yield Example(row["id"], row["text"], row["label"])

        return read

    return Corpus(
        name=DEMO,
        parts={split: part(split) for split in ("train", "validation")},
        label_names=("neg", "pos"),
        sha256=hashes.sha256_of_files([path]),
        is_split=True,
    )
