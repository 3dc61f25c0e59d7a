"""Labelled texts from anywhere, as a stream that can be read again.

A corpus is a list of parts (`train`, `test`, or one file); each part yields
its examples in a fixed order. Nothing here is held in memory.
"""

import csv
import dataclasses
import hashlib
import importlib.resources
import json
import pathlib
from collections.abc import Callable, Iterator

DEMO = "demo"
_SUFFIXES = (".csv", ".tsv", ".jsonl")


@dataclasses.dataclass(frozen=True)
class Example:
    """One text.

    Attributes:
        id: Unique in the corpus, stable across runs.
        text: As it stands in the source; never cleaned.
        label: Its class's name.
    """

    id: str
    text: str
    label: str


@dataclasses.dataclass(frozen=True)
class Corpus:
    """Labelled texts in named parts.

    Attributes:
        name: For file names and reports.
        parts: Part name to a function that starts a new stream of it.
        label_names: Class names in label order, or `None` where only a pass
            over the data can tell (files).
        sha256: Identifies the data: of the files it is read from.
    """

    name: str
    parts: dict[str, Callable[[], Iterator[Example]]]
    label_names: tuple[str, ...] | None
    sha256: str


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
    if path.suffix in _SUFFIXES:
        return _open_file(path, text_key, label_key)
    return _open_tfds(dataset, data_dir, download, text_key, label_key)


def _open_demo() -> Corpus:
    resource = importlib.resources.files("text2image") / "data"
    with importlib.resources.as_file(resource / "demo_reviews.jsonl") as path:
        pass  # a package is a directory: the path outlives the context

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
        sha256=_sha256_of_files([path]),
    )


def _open_file(path: pathlib.Path, text_key: str, label_key: str) -> Corpus:
    if not path.is_file():
        raise FileNotFoundError(
            "`dataset` must be `demo`, a TFDS name, or an existing .csv, .tsv "
            f"or .jsonl file. Received: {str(path)!r}, which does not exist."
        )
    reader = _read_jsonl if path.suffix == ".jsonl" else _read_csv
    return Corpus(
        name=path.stem,
        parts={"train": lambda: reader(path, text_key, label_key)},
        label_names=None,
        sha256=_sha256_of_files([path]),
    )


def _lines(path: pathlib.Path) -> Iterator[str]:
    """Lines with their ends, strictly UTF-8 (a BOM is skipped)."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{path}, line {number}: expected UTF-8. Received: byte "
                    f"0x{line[error.start]:02x} at column {error.start + 1}. "
                    "Convert the file, e.g. iconv -f latin1 -t utf-8"
                ) from error
            yield text


def _read_csv(
    path: pathlib.Path, text_key: str, label_key: str
) -> Iterator[Example]:
    csv.field_size_limit(1 << 30)  # a field is a text, however long
    delimiter = "\t" if path.suffix == ".tsv" else ","
    reader = csv.reader(_lines(path), delimiter=delimiter, strict=True)
    start = 1  # line at which a row starts; a quoted field may span several
    try:
        names = next(reader, [])
        _check_keys(path, start, names, text_key, label_key)
        start = reader.line_num + 1
        for fields in reader:
            if fields:  # not a blank line
                if len(fields) != len(names):
                    raise ValueError(
                        f"{path}, line {start}: expected {len(names)} fields, "
                        f"found {len(fields)}. Quote fields that hold the "
                        "delimiter."
                    )
                row = dict(zip(names, fields, strict=True))
                yield _example(
                    path, start, str(start), row[text_key], row[label_key]
                )
            start = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{path}, line {start}: not valid CSV ({error}). Quote fields "
            'that hold quotes or newlines, and double the quotes: "".'
        ) from error


def _read_jsonl(
    path: pathlib.Path, text_key: str, label_key: str
) -> Iterator[Example]:
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"{path}, line {number}: expected one JSON object a line "
                f"({error})."
            ) from error
        if not isinstance(row, dict):
            raise ValueError(
                f"{path}, line {number}: expected a JSON object. Received: "
                f"{type(row).__name__}"
            )
        _check_keys(path, number, row, text_key, label_key)
        if not isinstance(row[text_key], str):
            raise ValueError(
                f"{path}, line {number}: `{text_key}` must be a string. "
                f"Received: {type(row[text_key]).__name__}"
            )
        label = row[label_key]
        if not isinstance(label, str | int) or isinstance(label, bool):
            raise ValueError(
                f"{path}, line {number}: `{label_key}` must be a string or a "
                f"whole number. Received: {label!r}"
            )
        yield _example(path, number, str(number), row[text_key], str(label))


def _check_keys(
    path: pathlib.Path, line: int, keys: object, text_key: str, label_key: str
) -> None:
    names = list(keys)  # type: ignore[call-overload]
    for flag, key in (("text_key", text_key), ("label_key", label_key)):
        if key not in names:
            raise ValueError(
                f"{path}, line {line}: no {key!r} among {names}. Name the "
                f"right one with --{flag}."
            )


def _example(
    path: pathlib.Path, line: int, key: str, text: str, label: str
) -> Example:
    if not text.strip():
        raise ValueError(
            f"{path}, line {line}: the text is empty. Remove the line."
        )
    if not label.strip():
        raise ValueError(
            f"{path}, line {line}: the label is empty. Remove the line or "
            "give it one."
        )
    for name, value in (("text", text), ("label", label)):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError(
                f"{path}, line {line}: the {name} holds a lone surrogate, "
                "which is not Unicode text. Remove or repair it."
            ) from error
    return Example(key, text, label.strip())


def _open_tfds(
    dataset: str,
    data_dir: str | None,
    download: bool,
    text_key: str,
    label_key: str,
) -> Corpus:
    import tensorflow_datasets as tfds

    if pathlib.Path(dataset).is_dir():
        builder = tfds.builder_from_directory(dataset)
    else:
        try:
            builder = tfds.builder(dataset, data_dir=data_dir)
        except (tfds.core.DatasetNotFoundError, ValueError) as error:
            raise ValueError(
                "`dataset` must be `demo`, a .csv, .tsv or .jsonl file, a "
                f"prepared TFDS directory or a TFDS name. Received: {dataset!r}"
                f" ({str(error).splitlines()[0]})"
            ) from error
        if download:
            builder.download_and_prepare()
        elif not builder.data_path.exists():
            raise FileNotFoundError(
                f"The TFDS dataset {dataset!r} is not prepared in "
                f"{builder.data_path}. Name its place with --data_dir, or "
                "let TFDS fetch it with --download."
            )
    _check_keys(
        pathlib.Path(builder.name),
        0,
        builder.info.features,
        text_key,
        label_key,
    )
    label_feature = builder.info.features[label_key]
    names = getattr(label_feature, "names", None)
    if not names:
        raise ValueError(
            f"{builder.name}: `{label_key}` must be a TFDS ClassLabel. "
            f"Received: {label_feature}"
        )
    parts = {
        split: _tfds_part(builder, split, text_key, label_key, names)
        for split in ("train", "validation", "test")
        if split in builder.info.splits
    }
    files = sorted(
        pathlib.Path(file)
        for split in parts
        for file in builder.info.splits[split].filepaths
    )
    return Corpus(
        name=builder.name,
        parts=parts,
        label_names=tuple(names),
        sha256=_sha256_of_files(files),
    )


def _tfds_part(
    builder: object, split: str, text_key: str, label_key: str, names: list[str]
) -> Callable[[], Iterator[Example]]:
    import tensorflow_datasets as tfds

    name = builder.name  # type: ignore[attr-defined]
    place = pathlib.Path(f"{split} of {name}")

    def read() -> Iterator[Example]:
        dataset = builder.as_dataset(  # type: ignore[attr-defined]
            split=split,
            shuffle_files=False,
            batch_size=1024,
            read_config=tfds.ReadConfig(
                interleave_cycle_length=1, try_autocache=False
            ),
        )
        number = 0
        for batch in tfds.as_numpy(dataset):
            for text, label in zip(
                batch[text_key], batch[label_key], strict=True
            ):
                yield _tfds_example(place, number, split, text, label, names)
                number += 1

    return read


def _tfds_example(
    place: pathlib.Path,
    number: int,
    split: str,
    text: bytes,
    label: int,
    names: list[str],
) -> Example:
    if not 0 <= label < len(names):
        raise ValueError(
            f"{place}, example {number}: unknown label {label}. Expected 0 to "
            f"{len(names) - 1}."
        )
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{place}, example {number}: expected UTF-8 ({error})."
        ) from error
    key = f"{split}-{number:07d}"
    return _example(place, number, key, decoded, names[label])


def _sha256_of_files(paths: list[pathlib.Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
