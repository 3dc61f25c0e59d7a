"""WebVision's layout: info files, metadata as JSON, images by query.

    info/synsets.txt                 n01440764 tench, Tinca tinca
    info/train_filelist_google.txt   google/q0001/abc.jpg 0
    info/train_meta_list_google.txt  google/q0001.json 1
    info/val_filelist.txt            val000001.jpg 0
    google/q0001.json                [{"title": ..., "description": ...}, ...]

Each line of a meta list names the file, and the entry in it (from 1), with the
metadata of the same line of the file list; `flickr` likewise. Validation
images have no metadata. Source:
https://data.vision.ee.ethz.ch/cvl/webvision/README.txt (WebVision 1.0).
"""

import functools
import itertools
import json
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

from text2image import hashes
from text2image.corpora import examples, image_fields, row_files
from text2image.corpora.rows import Fault

SOURCES = ("flickr", "google")
_SYNSETS = "info/synsets.txt"
_Part = Callable[[], Iterator[examples.CaptionedImage | Fault]]
_CURE = "Unpack WebVision's archives again."
# Folders of the published archives, original and resized to 256 pixels.
_VALIDATION_FOLDERS = ("val_images", "val_images_256", ".")


def is_webvision(root: pathlib.Path) -> bool:
    """Whether a directory has WebVision's layout."""
    return (root / _SYNSETS).is_file()


def open_webvision(
    root: pathlib.Path, further: tuple[str, ...] = ()
) -> examples.Corpus[examples.CaptionedImage]:
    """Opens a WebVision directory, with one source or both.

    `further` are keys of texts besides title and description.

    Class names are the lines of `synsets.txt`, in its order. The parts are
    `train` and, if its list exists, `validation`.

    Raises:
        FileNotFoundError: If there is no file list, or a meta list is missing.
        ValueError: If two classes have the same name, or, while reading, if a
            line is faulty; names file and line.
    """
    names = tuple(line for _, line in _lines(root / _SYNSETS))
    if len(set(names)) < len(names):
        raise ValueError(
            f"{root / _SYNSETS} must name each class once. {_CURE}"
        )
    sources = [s for s in SOURCES if _list(root, s).is_file()]
    if not sources:
        raise FileNotFoundError(
            f"{root / 'info'} must hold train_filelist_google.txt or "
            "train_filelist_flickr.txt, as WebVision's info archive does."
        )
    files = [root / _SYNSETS]
    for source in sources:
        meta = _meta_list(root, source)
        if not meta.is_file():
            raise FileNotFoundError(
                f"{meta} is missing: it says where titles and descriptions "
                "are. It comes with WebVision's info archive."
            )
        files += [_list(root, source), meta]
    parts: dict[
        str, Callable[[], Iterator[examples.CaptionedImage | Fault]]
    ] = {
        "train": lambda: (
            item
            for source in sources
            for item in _train(root, source, names, further)
        )
    }
    validation = root / "info/val_filelist.txt"
    if validation.is_file():
        files.append(validation)
        parts["validation"] = lambda: _validation(root, validation, names)
    return examples.Corpus(
        name=root.resolve().name,
        parts=parts,
        label_names=names,
        sha256=hashes.sha256_of_files(files),
    )


def _train(
    root: pathlib.Path,
    source: str,
    names: tuple[str, ...],
    further: tuple[str, ...],
) -> Iterator[examples.CaptionedImage | Fault]:
    listed = _list(root, source)
    described = _meta_list(root, source)
    load = functools.lru_cache(maxsize=4)(_load_json)  # queries come in order
    pairs = itertools.zip_longest(_lines(listed), _lines(described))
    for first, second in pairs:
        if first is None or second is None:
            raise ValueError(
                f"{listed} and {described} must have the same number of lines. "
                f"{_CURE}"
            )
        (line, row), (_, place) = first, second
        image, label = _pair(listed, line, row)
        file, index = _pair(described, line, place)
        entries = load(_metadata_path(root, source, file))
        if not 1 <= index <= len(entries):
            raise ValueError(
                f"{described}, line {line}: {file} has {len(entries)} entries."
                f" Received: {index}. {_CURE}"
            )
        yield examples.make_captioned_image(
            f"{listed}, line {line}",
            key=image,
            texts={
                name: image_fields.text_of(entries[index - 1].get(name))
                for name in (*examples.CAPTIONS, *further)
            },
            label=_name(listed, line, label, names),
            source=source,
            read_image=(root / image).read_bytes,
        )


def _validation(
    root: pathlib.Path, listed: pathlib.Path, names: tuple[str, ...]
) -> Iterator[examples.CaptionedImage | Fault]:
    folder = next(
        root / name
        for name in _VALIDATION_FOLDERS
        if name == "." or (root / name).is_dir()
    )
    for line, row in _lines(listed):
        image, label = _pair(listed, line, row)
        yield examples.make_captioned_image(
            f"{listed}, line {line}",
            key=image,
            texts={},
            label=_name(listed, line, label, names),
            source="validation",
            read_image=(folder / image).read_bytes,
        )


def _list(root: pathlib.Path, source: str) -> pathlib.Path:
    return root / f"info/train_filelist_{source}.txt"


def _meta_list(root: pathlib.Path, source: str) -> pathlib.Path:
    return root / f"info/train_meta_list_{source}.txt"


def _metadata_path(root: pathlib.Path, source: str, file: str) -> pathlib.Path:
    """Finds a metadata file: as listed, or in the folder `<source>_json`."""
    path = root / file
    if not path.is_file():
        path = root / f"{source}_json" / pathlib.PurePosixPath(file).name
    if not path.is_file():
        raise FileNotFoundError(
            f"{root / file} is missing. Unpack WebVision's metadata archives "
            "beside the images."
        )
    return path


def _load_json(path: pathlib.Path) -> list[dict[str, Any]]:
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} must be a JSON file ({error}). {_CURE}"
        ) from error
    if not isinstance(value, list) or not all(
        isinstance(entry, dict) for entry in value
    ):
        raise ValueError(f"{path} must be a list of JSON objects. {_CURE}")
    return value


def _lines(path: pathlib.Path) -> Iterator[tuple[int, str]]:
    with path.open("rb") as stream:
        for number, line in enumerate(
            row_files.decoded_lines(str(path), stream), start=1
        ):
            if line.strip():
                yield number, line.strip()


def _pair(path: pathlib.Path, line: int, row: str) -> tuple[str, int]:
    name, _, number = row.rpartition(" ")
    if not name or not number.isdecimal():
        raise ValueError(
            f"{path}, line {line}: expected a path and a whole number. "
            f"Received: {row!r}"
        )
    return name.strip(), int(number)


def _name(
    path: pathlib.Path, line: int, label: int, names: tuple[str, ...]
) -> str:
    if label >= len(names):
        raise ValueError(
            f"{path}, line {line}: class {label}, but {_SYNSETS} names "
            f"{len(names)}. {_CURE}"
        )
    return names[label]
