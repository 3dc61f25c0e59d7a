"""Labelled texts from a prepared TFDS dataset, by name or directory."""

import pathlib
from collections.abc import Callable, Iterator

from text2image import example, rows


def open_tfds(
    dataset: str,
    data_dir: str | None,
    download: bool,
    text_key: str,
    label_key: str,
) -> example.Corpus:
    """Opens a TFDS dataset; its labelled splits are the parts.

    Raises:
        FileNotFoundError: If it is not prepared and may not be fetched.
        ValueError: If there is none of that name, or it has no such text or
            class label.
    """
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
    rows.check_keys(
        pathlib.Path(builder.name),
        0,
        builder.info.features,
        {"text_key": text_key, "label_key": label_key},
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
    return example.Corpus(
        name=builder.name,
        parts=parts,
        label_names=tuple(names),
        sha256=example.sha256_of_files(files),
    )


def _tfds_part(
    builder: object, split: str, text_key: str, label_key: str, names: list[str]
) -> Callable[[], Iterator[example.Example]]:
    import tensorflow_datasets as tfds

    name = builder.name  # type: ignore[attr-defined]
    place = pathlib.Path(f"{split} of {name}")

    def read() -> Iterator[example.Example]:
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
) -> example.Example:
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
    return example.make_example(place, number, key, decoded, names[label])
