"""Hugging Face's list of the images of a folder: metadata.csv or .jsonl.

    file_name,label,title
    0001.png,round,A ball

Source: "imagefolder" of Hugging Face's datasets.
"""

import pathlib
from collections.abc import Callable, Iterator

from text2image.corpora import examples, image_fields, row_files
from text2image.corpora.rows import Fault

NAMES = ("metadata.csv", "metadata.jsonl")
_FILE_NAME = "file_name"


def find(folder: pathlib.Path) -> pathlib.Path | None:
    """Finds the list of a folder's images, if it has one."""
    paths = (folder / name for name in NAMES)
    return next((path for path in paths if path.is_file()), None)


def read(
    root: pathlib.Path,
    name: str,
    metadata: pathlib.Path,
    texts: Callable[[dict], dict],
    label_key: str | None,
) -> Iterator[examples.CaptionedImage | Fault]:
    """Streams the images of a list.

    Args:
        root: Directory that ids start from.
        name: Name of the part.
        metadata: The list.
        texts: Gives title and description of a row.
        label_key: Column of the class; without it, the first folder of
            `file_name` says it. `None` to leave out the labels, which become
            `?`.

    Raises:
        ValueError: If a row has no file name or no class; names file and line.
    """
    for item in row_files.read_rows(metadata, {"image_key": _FILE_NAME}):
        if isinstance(item, Fault):
            yield item
            continue
        row = dict(item.values)
        image = pathlib.PurePosixPath(str(row[_FILE_NAME]))
        if label_key is None:
            label = "?"
        elif label_key in row:
            label = row[label_key]
        elif len(image.parts) > 1:
            label = image.parts[0]
        else:
            raise ValueError(
                f"{item.place}: {str(image)!r} is in no folder, and "
                f"no {label_key!r} is among {list(row)}. Name the column of "
                "the class with --label_key."
            )
        folder = metadata.parent
        yield examples.make_captioned_image(
            item.place,
            key=(folder.relative_to(root) / image).as_posix(),
            texts=texts(row),
            label=label,
            source=name,
            read_image=image_fields.image_reader(folder, row[_FILE_NAME]),
        )
