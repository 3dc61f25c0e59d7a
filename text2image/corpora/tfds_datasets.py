"""Labelled texts from a prepared TFDS dataset, by name or directory.

TFDS is imported where it is used: a corpus read from a file does not need it.
"""

import pathlib
from collections.abc import Callable, Collection, Iterator
from typing import Any

from text2image import hashes
from text2image.corpora import examples, row_files
from text2image.corpora.rows import Fault

_ROWS_AT_A_TIME = 1024


def open_tfds(
    dataset: str,
    data_dir: str | None,
    download: bool,
    text_key: str,
    label_key: str,
) -> examples.Corpus:
    """Opens a TFDS dataset; its labelled splits are the parts.

    Raises:
        FileNotFoundError: If it is not prepared and may not be fetched.
        ValueError: If no such dataset exists, or it lacks the text or the
            class label.
    """
    builder = open_builder(dataset, data_dir, download)
    row_files.check_keys(
        builder.name,
        builder.info.features,
        {"text_key": text_key, "label_key": label_key},
    )
    names = class_names(builder, label_key)
    return examples.Corpus(
        name=builder.name,
        parts={
            split: _tfds_part(builder, split, text_key, label_key, names)
            for split in labelled_splits(builder)
        },
        label_names=tuple(names),
        sha256=sha256_of_splits(builder),
    )


def open_builder(dataset: str, data_dir: str | None, download: bool) -> Any:
    """Opens a prepared TFDS dataset.

    Args:
        dataset: A directory that is or holds one prepared dataset, or a TFDS
            name.
        data_dir: Directory of TFDS's datasets.
        download: Whether TFDS may fetch a dataset that is not prepared.

    Raises:
        FileNotFoundError: If it is not prepared and may not be fetched.
        ValueError: If no such dataset exists, or the directory holds none or
            several.
    """
    import tensorflow_datasets as tfds

    directory = pathlib.Path(dataset)
    if directory.is_dir():
        paths = sorted(directory.rglob("dataset_info.json"))
        if len(paths) != 1:
            raise ValueError(
                f"--dataset={dataset} must be or hold one prepared TFDS "
                "dataset. Found dataset_info.json in: "
                f"{[str(path.parent) for path in paths] or 'no folder'}"
            )
        return tfds.builder_from_directory(paths[0].parent)
    try:
        builder = tfds.builder(dataset, data_dir=data_dir)
    except (tfds.core.DatasetNotFoundError, ValueError) as error:
        raise ValueError(
            "--dataset must be a file or directory that exists, or a TFDS "
            f"name. Received: {dataset!r} ({str(error).splitlines()[0]})"
        ) from error
    if download:
        builder.download_and_prepare()
    elif not builder.data_path.exists():
        raise FileNotFoundError(
            f"The TFDS dataset {dataset!r} is not prepared in "
            f"{builder.data_path}. Name its directory with --data_dir, or "
            "let TFDS fetch it with --download."
        )
    return builder


def class_names(builder: Any, label_key: str) -> list[str]:
    """Returns the names of a dataset's classes.

    Raises:
        ValueError: If the label is not a ClassLabel.
    """
    label_feature = builder.info.features[label_key]
    names = getattr(label_feature, "names", None)
    if not names:
        raise ValueError(
            f"{builder.name}: `{label_key}` must be a TFDS ClassLabel. "
            f"Received: {label_feature}"
        )
    return list(names)


def labelled_splits(builder: Any) -> list[str]:
    """Returns those of `train`, `validation` and `test` that exist."""
    return [
        split
        for split in ("train", "validation", "test")
        if split in builder.info.splits
    ]


def sha256_of_splits(builder: Any) -> str:
    """Sha256 of the files of `labelled_splits`."""
    return hashes.sha256_of_files(
        sorted(
            pathlib.Path(file)
            for split in labelled_splits(builder)
            for file in builder.info.splits[split].filepaths
        )
    )


def read_rows(
    builder: Any, split: str, *, undecoded: Collection[str] = ()
) -> Iterator[dict[str, Any]]:
    """Streams a split's rows as numpy values, in the order of its files.

    Args:
        builder: The prepared dataset.
        split: Name of the split.
        undecoded: Features that are left as encoded bytes, such as images.
    """
    import tensorflow_datasets as tfds

    dataset = builder.as_dataset(
        split=split,
        shuffle_files=False,
        batch_size=_ROWS_AT_A_TIME,
        decoders={name: tfds.decode.SkipDecoding() for name in undecoded},
        read_config=tfds.ReadConfig(
            interleave_cycle_length=1, try_autocache=False
        ),
    )
    for batch in tfds.as_numpy(dataset):
        names, columns = zip(*batch.items(), strict=True)
        for values in zip(*columns, strict=True):
            yield dict(zip(names, values, strict=True))


def label_of(
    place: pathlib.Path, number: int, label: int, names: list[str]
) -> str | None:
    """Returns the name of a row's class; `None` for -1, unlabelled.

    Raises:
        ValueError: If the label has no name.
    """
    if label == -1:
        return None
    if not 0 <= label < len(names):
        raise ValueError(
            f"{place}, example {number}: unknown label {label}. Expected 0 to "
            f"{len(names) - 1}."
        )
    return names[label]


def decoded(place: pathlib.Path, number: int, text: bytes) -> str:
    """Decodes the text of a row.

    Raises:
        ValueError: If it is not UTF-8.
    """
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{place}, example {number}: expected UTF-8 ({error})."
        ) from error


def _tfds_part(
    builder: Any, split: str, text_key: str, label_key: str, names: list[str]
) -> Callable[[], Iterator[examples.Example | Fault]]:
    place = pathlib.Path(f"{split} of {builder.name}")

    def read() -> Iterator[examples.Example | Fault]:
        for number, row in enumerate(read_rows(builder, split)):
            yield examples.make_example(
                f"{place}, example {number}",
                f"{split}-{number:07d}",
                decoded(place, number, row[text_key]),
                label_of(place, number, row[label_key], names),
            )

    return read
