"""Labelled texts, as streams that can be read again.

A corpus is a list of parts (`train`, `test`, or one file); each part yields
its examples in a fixed order. Nothing is held in memory.
"""

import json
import pathlib
from collections.abc import Callable, Iterator

from text2image import assets, hashes
from text2image.corpora import row_files, tfds_datasets
from text2image.corpora.examples import Corpus, Example, make_example
from text2image.corpora.rows import Fault

DEMO = "demo"


def open_corpus(
    dataset: str,
    *,
    data_dir: str | None = None,
    download: bool = False,
    text_key: str = "text",
    label_key: str = "label",
) -> Corpus:
    """Opens a corpus.

    Args:
        dataset: `demo` (reviews shipped with the package), the path of a
            .csv, .tsv or .jsonl file, the path of a prepared TFDS directory,
            or the name of a TFDS text dataset such as `imdb_reviews`.
        data_dir: Directory of TFDS's datasets.
        download: Whether TFDS may fetch a dataset that is not prepared.
        text_key: Column or key of the text.
        label_key: Column or key of the label.

    Raises:
        FileNotFoundError: If the file or the prepared dataset does not exist.
        ValueError: If the data cannot be read; names file and line.
    """
    if dataset == DEMO:
        return _open_demo()
    path = pathlib.Path(dataset)
    if path.suffix in row_files.SUFFIXES:
        return _open_file(path, text_key, label_key)
    return tfds_datasets.open_tfds(
        dataset, data_dir, download, text_key, label_key
    )


def _open_file(path: pathlib.Path, text_key: str, label_key: str) -> Corpus:
    """Opens a file as a corpus of one part.

    Raises:
        FileNotFoundError: If it does not exist.
        ValueError: While reading, if a line is faulty; names file and line.
    """
    if not path.is_file():
        raise FileNotFoundError(
            "--dataset must be `demo`, a TFDS name, or an existing .csv, .tsv "
            f"or .jsonl file. Received: {str(path)!r}, which does not exist."
        )
    return Corpus(
        name=path.stem,
        parts={"train": lambda: _read(path, text_key, label_key)},
        label_names=None,
        sha256=hashes.sha256_of_files([path]),
    )


def _read(
    path: pathlib.Path, text_key: str, label_key: str
) -> Iterator[Example | Fault]:
    keys = {"text_key": text_key, "label_key": label_key}
    for line, row in row_files.read_rows(path, keys):
        yield make_example(
            f"{path}, line {line}", str(line), row[text_key], row[label_key]
        )


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
