"""Labelled texts from anywhere, as a stream that can be read again.

A corpus is a list of parts (`train`, `test`, or one file); each part yields
its examples in a fixed order. Nothing here is held in memory.
"""

import json
import pathlib
from collections.abc import Callable, Iterator

from text2image import assets, corpus_files, corpus_tfds, rows
from text2image.example import Corpus, Example, sha256_of_files

__all__ = ["DEMO", "Corpus", "Example", "open_corpus"]

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
        data_dir: Where TFDS keeps its datasets.
        download: Whether TFDS may fetch what is not there.
        text_key: Column or key of the text.
        label_key: Column or key of the label.

    Raises:
        FileNotFoundError: If the file or the prepared dataset is not there.
        ValueError: If the data cannot be read; names file and line.
    """
    if dataset == DEMO:
        return _open_demo()
    path = pathlib.Path(dataset)
    if path.suffix in rows.SUFFIXES:
        return corpus_files.open_file(path, text_key, label_key)
    return corpus_tfds.open_tfds(
        dataset, data_dir, download, text_key, label_key
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
        sha256=sha256_of_files([path]),
        is_split=True,
    )
