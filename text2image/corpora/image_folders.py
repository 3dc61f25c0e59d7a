"""Images in a folder per class, as torchvision, Keras and Hugging Face have.

    data/cat/1.jpg                   the class is the folder's name
    data/cat/tabby/2.png             folders below it make no other class
    data/train/cat/1.jpg             or first a folder per part
    data/train/metadata.csv          file_name,label,title,... (Hugging Face)

Sources: torchvision.datasets.ImageFolder, keras.utils.
image_dataset_from_directory, and "imagefolder" of Hugging Face's datasets.
"""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable, Iterator

from absl import logging

from text2image import hashes
from text2image.corpora import (
    examples,
    image_fields,
    image_metadata,
    part_names,
)
from text2image.corpora.rows import Fault

# Images that TensorFlow cannot decode are among them: they are refused or
# dropped by name, not passed over.
_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".webp"),
    *(".tif", ".tiff", ".avif", ".heic", ".heif", ".jxl", ".jp2"),
    *(".ppm", ".pgm", ".pnm"),
)


@dataclasses.dataclass(frozen=True)
class _Part:
    """Files of one part, all sorted by their path.

    Attributes:
        images: Name of a class to its images.
        metadata: The file that describes the images, if there is one.
        num_others: Number of files that are no images.
    """

    images: dict[str, list[pathlib.Path]]
    metadata: pathlib.Path | None
    num_others: int

    @property
    def files(self) -> list[pathlib.Path]:
        """All files that are read."""
        images = [path for paths in self.images.values() for path in paths]
        return images if self.metadata is None else [*images, self.metadata]


def is_image_folder(root: pathlib.Path) -> bool:
    """Whether a directory holds images in folders, or Hugging Face's list."""
    if not root.is_dir() or image_metadata.find(root):
        return root.is_dir()
    return any(
        _is_image(file) or file.name in image_metadata.NAMES
        for folder in _folders(root)
        for file in _walk(folder)
    )


def open_image_folders(
    root: pathlib.Path, texts: Callable[[dict], dict], label_key: str
) -> examples.Corpus[examples.CaptionedImage]:
    """Opens a directory of images.

    Hidden files and folders are passed over, as are other files that are no
    images; their number is logged.

    Args:
        root: The directory. Its folders are classes or, if all of them are
            called as in `part_names.WORDS` and hold folders of images, parts.
        texts: Gives title and description of a row of the metadata.
        label_key: Column of the metadata with the class; without such a
            column, the folder says it.

    Raises:
        ValueError: If some folders are parts and others classes, two are the
            same part, or there are fewer than two classes.
    """
    parts = {
        name: _scan(folder) for name, folder in _part_folders(root).items()
    }
    labels = sorted({label for part in parts.values() for label in part.images})
    has_metadata = any(part.metadata for part in parts.values())
    if not has_metadata and len(labels) < 2:
        raise ValueError(
            f"{root} must hold a folder of images for each of at least two "
            f"classes. Received: {labels or 'none'}."
        )
    _log(root, parts)
    return examples.Corpus(
        name=root.resolve().name,
        parts={
            name: functools.partial(_read, root, name, part, texts, label_key)
            for name, part in parts.items()
        },
        label_names=None if has_metadata else tuple(labels),
        sha256=hashes.sha256_of_tree(
            root, [file for part in parts.values() for file in part.files]
        ),
    )


def read_images(
    root: pathlib.Path,
    texts: Callable[[dict], dict],
    label_key: str | None,
) -> Iterator[examples.CaptionedImage | Fault]:
    """Streams the images of a directory to be labelled or verified.

    Args:
        root: As `open_image_folders` takes it; or images without any folder.
        texts: See `open_image_folders`.
        label_key: See `open_image_folders`; `None` to leave out the labels,
            which become `?`.

    Raises:
        ValueError: If there are no images, or see `open_image_folders`.
    """
    parts = {
        name: _scan(folder) for name, folder in _part_folders(root).items()
    }
    if label_key is None and not any(p.metadata for p in parts.values()):
        images = sorted(filter(_is_image, _walk(root)))
        if not images:
            raise ValueError(f"{root} must hold images. Received: none.")
        parts = {"": _Part({"?": images}, None, 0)}
    for name, part in parts.items():
        yield from _read(root, name, part, texts, label_key)


def _part_folders(root: pathlib.Path) -> dict[str, pathlib.Path]:
    """Part to its folder; the directory itself is `train` without parts."""
    if image_metadata.find(root):
        return {"train": root}
    folders = _folders(root)
    named = [folder for folder in folders if _is_part(folder)]
    if not named:
        return {"train": root}
    others = [
        folder.name
        for folder in folders
        if folder not in named and any(map(_is_image, _walk(folder)))
    ]
    parts = {part_names.WORDS[folder.name.lower()]: folder for folder in named}
    if others or len(parts) < len(named):
        raise ValueError(
            f"The folders of {root} must be all parts, each once "
            f"({', '.join(part_names.WORDS)}), or all classes. Received: "
            f"{[folder.name for folder in named]} and {others[:8]}. Move or "
            "rename some."
        )
    return part_names.in_order(parts)


def _is_part(folder: pathlib.Path) -> bool:
    """Whether a folder is a part; a class may be called `train` as well."""
    if folder.name.lower() not in part_names.WORDS:
        return False
    return image_metadata.find(folder) is not None or any(
        _is_image(file) for inner in _folders(folder) for file in _walk(inner)
    )


def _scan(folder: pathlib.Path) -> _Part:
    images, num_others = {}, 0
    for inner in _folders(folder):
        files = sorted(_walk(inner))
        images[inner.name] = [file for file in files if _is_image(file)]
        num_others += len(files) - len(images[inner.name])
    metadata = image_metadata.find(folder)
    loose = [path for path in folder.iterdir() if path.is_file()]
    num_others += sum(not path.name.startswith(".") for path in loose)
    if metadata is not None:
        beside = sorted(path for path in loose if _is_image(path))
        images[""] = beside
        num_others -= len(beside) + 1
    images = {label: paths for label, paths in images.items() if paths}
    return _Part(images, metadata, num_others)


def _read(
    root: pathlib.Path,
    name: str,
    part: _Part,
    texts: Callable[[dict], dict],
    label_key: str | None,
) -> Iterator[examples.CaptionedImage | Fault]:
    if part.metadata is not None:
        yield from image_metadata.read(
            root, name, part.metadata, texts, label_key
        )
        return
    for label, paths in part.images.items():
        for path in paths:
            yield examples.make_captioned_image(
                str(path),
                key=path.relative_to(root).as_posix(),
                texts={},
                label=label,
                source=name,
                read_image=functools.partial(image_fields.read_file, path),
            )


def _log(root: pathlib.Path, parts: dict[str, _Part]) -> None:
    labels = {label for part in parts.values() for label in part.images}
    images = ", ".join(
        f"{name} {sum(map(len, part.images.values()))}"
        for name, part in parts.items()
    )
    empty = sorted(
        {
            folder.name
            for inner in _part_folders(root).values()
            for folder in _folders(inner)
        }
        - labels
    )
    logging.info(
        "images: a folder per class in %s: %d classes, images: %s; %d other "
        "files passed over%s",
        root,
        len(labels - {""}),
        images,
        sum(part.num_others for part in parts.values()),
        f"; folders without images: {', '.join(empty[:8])}" if empty else "",
    )


def _folders(root: pathlib.Path) -> list[pathlib.Path]:
    return sorted(
        path
        for path in root.iterdir()
        if path.is_dir() and _is_shown(path.name)
    )


def _walk(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Files below a folder; linked folders are followed, each once."""
    seen = set()
    for directory, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(directory)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(filter(_is_shown, folders))
        for name in files:
            if _is_shown(name):
                yield pathlib.Path(directory, name)


def _is_shown(name: str) -> bool:
    return not name.startswith(".") and name != "__MACOSX"


def _is_image(path: pathlib.Path) -> bool:
    return path.suffix.lower() in _SUFFIXES
