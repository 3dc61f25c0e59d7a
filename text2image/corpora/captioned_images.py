"""Labelled images with texts, as streams that can be read again.

A corpus as in `texts.py`, of `examples.CaptionedImage`. Nothing is held in
memory: an image is read when it is needed.
"""

import dataclasses
import itertools
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from text2image import hashes
from text2image.corpora import (
    columns,
    examples,
    image_fields,
    image_folders,
    row_files,
    row_sources,
    tfds_datasets,
    tfds_splits,
    webvision,
)
from text2image.corpora.rows import (
    GUESSED,
    NOT_A_ROW,
    Fault,
    Reading,
    refuse_unused,
)


@dataclasses.dataclass(frozen=True)
class Keys:
    """Names of the columns, JSON keys or TFDS features; how files are read.

    `further` are those of texts besides title and description.
    """

    image: str = "image"
    title: str = "title"
    description: str = "description"
    label: str = "label"
    reading: Reading = GUESSED
    further: tuple[str, ...] = ()

    @property
    def required(self) -> dict[str, str]:
        """Flag name to the key that every row must have."""
        return {"image_key": self.image, "label_key": self.label}

    @property
    def named(self) -> list[tuple[str, str]]:
        """Flag name and key of title and description, if not the usual."""
        return [
            (f"{name}_key", key)
            for name, key in (
                ("title", self.title),
                ("description", self.description),
            )
            if key != name
        ]

    def texts(self, row: dict) -> dict:
        """The texts of a row; `None` where it has none."""
        return {
            name: image_fields.text_of(row.get(spelled(row, key)))
            for name, key in (
                ("title", self.title),
                ("description", self.description),
                *((key, key) for key in self.further),
            )
        }


def open_captioned_images(
    dataset: str,
    *,
    data_dir: str | None = None,
    download: bool = False,
    keys: Keys = Keys(),
) -> examples.Corpus[examples.CaptionedImage]:
    """Opens a corpus of images with texts.

    Args:
        dataset: A file as `row_files` reads it, whose image column holds
            paths relative to the file or, in Parquet and Arrow, the encoded
            images; a directory in WebVision's layout, or with a
            folder of images per class; a prepared TFDS directory; or a TFDS
            name.
        data_dir: Directory of TFDS's datasets.
        download: Whether TFDS may fetch a dataset that is not prepared.
        keys: Columns of files, features of TFDS datasets.

    Raises:
        FileNotFoundError: If the file or the prepared dataset does not exist.
        ValueError: If the data cannot be read; names file and line.
    """
    path = pathlib.Path(dataset)
    row_sources.check_parts(dataset, keys.reading)
    if row_files.is_table(path):
        return _open_file(path, keys)
    refuse_unused(dataset, keys.reading)
    if webvision.is_webvision(path):
        return webvision.open_webvision(path, keys.further)
    if _is_image_folder(path):
        return image_folders.open_image_folders(path, keys.texts, keys.label)
    return _open_tfds(dataset, data_dir, download, keys)


def spelled(row: Mapping[str, Any], key: str) -> str:
    """The key as a row spells it: with blanks, or in other case."""
    if key in row:
        return key
    names = [name for name in row if name.strip().casefold() == key.casefold()]
    return names[0] if len(names) == 1 else key


def _is_image_folder(path: pathlib.Path) -> bool:
    # TFDS may keep example images beside a prepared dataset.
    is_prepared = path.is_dir() and any(path.rglob("dataset_info.json"))
    return not is_prepared and image_folders.is_image_folder(path)


def _open_file(
    path: pathlib.Path, keys: Keys
) -> examples.Corpus[examples.CaptionedImage]:
    if not path.is_file():
        raise FileNotFoundError(
            "--dataset must be a file of rows, a directory with a folder of "
            "images per class, of WebVision or of TFDS, or a TFDS name. "
            f"Received: {str(path)!r}, which does not exist."
        )
    names = row_files.open_table(path, keys.reading).class_names
    return examples.Corpus(
        name=path.stem,
        parts={"train": lambda: read_file(path, keys)},
        label_names=names.get(keys.label),
        sha256=hashes.sha256_of_files([path]),
    )


def read_file(
    path: pathlib.Path,
    keys: Keys,
    *,
    labelled: bool = True,
    may_lack: bool = False,
) -> Iterator[examples.CaptionedImage | Fault]:
    """Streams the captioned images of a file or a directory of images.

    Args:
        path: A file as `row_files` reads it; or a directory as
            `image_folders.read_images` takes it.
        keys: Names of its columns or keys.
        labelled: Whether every row must have a label; if not, all labels are
            `?`.
        may_lack: Whether an image that is null or empty is read as no bytes;
            if not, reading it raises ValueError.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file cannot be read; names file and line.
    """
    if path.is_dir():
        yield from image_folders.read_images(
            path, keys.texts, keys.label if labelled else None
        )
        return
    if not row_files.is_table(path) or not path.is_file():
        raise FileNotFoundError(
            f"Expected an existing file, one of {row_files.SUFFIXES}, or a "
            "directory of images. "
            f"Received: {str(path)!r}"
        )
    required = {"label_key": keys.label} if labelled else {}
    others = (keys.image, keys.title, keys.description, *keys.further)
    for row in row_files.read_rows(
        path, required, keys.reading, others, keys.named
    ):
        if isinstance(row, Fault):
            yield row
            continue
        values = dict(row.values)
        yield examples.make_captioned_image(
            row.place,
            key=row.key,
            texts=keys.texts(values),
            label=values[keys.label] if labelled else "?",
            source="train",
            read_image=_image_reader(path, values, keys, may_lack),
        )


def _image_reader(
    path: pathlib.Path, row: dict, keys: Keys, may_lack: bool
) -> Callable[[], bytes]:
    key = keys.image  # `read_rows` gives it this spelling
    if key not in row:
        return image_fields.refusing(
            f"no {keys.image!r} among {list(row)}. Name the right one with "
            "--image_key"
        )
    if may_lack and image_fields.is_missing(row[key]):
        return bytes
    return image_fields.image_reader(path.parent, row[key])


def _open_tfds(
    dataset: str, data_dir: str | None, download: bool, keys: Keys
) -> examples.Corpus[examples.CaptionedImage]:
    builder = tfds_datasets.open_builder(dataset, data_dir, download)
    row_files.check_keys(builder.name, builder.info.features, keys.required)
    for flag, key in keys.named:
        columns.find(builder.name, [*builder.info.features], flag, key)
    names = tfds_datasets.class_names(builder, keys.label)
    parts, _ = tfds_splits.choose_parts(
        builder, keys.reading.train_split, keys.reading.validation_split
    )

    def read_slice(
        part: tfds_splits.Slice,
    ) -> Iterator[examples.CaptionedImage | Fault]:
        place = f"{part.split} of {builder.name}"
        rows = tfds_datasets.read_rows(builder, part, undecoded=[keys.image])
        for number, row in enumerate(rows, part.first):
            try:
                captions = {
                    name: tfds_datasets.decoded(place, number, value)
                    if isinstance(value, bytes)
                    else value
                    for name, value in keys.texts(row).items()
                }
                label = tfds_datasets.label_of(
                    place, number, row[keys.label], names
                )
            except ValueError as error:
                where = f"{place}, example {number}"
                yield Fault(where, NOT_A_ROW, str(error), "")
                continue
            yield examples.make_captioned_image(
                f"{place}, example {number}",
                key=f"{part.split}-{number:07d}",
                texts=captions,
                label=label,
                source=part.split,
                read_image=_reader_of(row[keys.image]),
            )

    def reader(
        slices: Iterable[tfds_splits.Slice],
    ) -> Callable[[], Iterator[examples.CaptionedImage | Fault]]:
        return lambda: itertools.chain.from_iterable(map(read_slice, slices))

    return examples.Corpus(
        name=builder.name,
        parts={name: reader(slices) for name, slices in parts.items()},
        label_names=tuple(names),
        sha256=tfds_datasets.sha256_of_splits(builder, parts),
    )


def _reader_of(content: bytes) -> Callable[[], bytes]:
    return lambda: content
