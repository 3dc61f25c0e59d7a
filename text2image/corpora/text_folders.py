"""A folder of texts per class: `train/pos/0_9.txt` or `pos/0_9.txt`.

Ids are paths, and files are read in the order of their names. Names are in
memory, texts are not.
"""

import functools
import pathlib
from collections.abc import Iterator

from text2image import hashes
from text2image.corpora import encodings, likely_encodings, part_names
from text2image.corpora.rows import (
    NOT_DECODABLE,
    OF_DELIMITED,
    Fault,
    Reading,
    Row,
    RowSource,
    refuse_unused,
)
from text2image.corpora.spans import Span, Spans, spans_of_size

# What the Large Movie Review Dataset calls its texts without a label.
_UNLABELLED = ("unsup", "unlabelled", "unlabeled", "unsupervised")
_SUFFIX = ".txt"


def is_text_folder(directory: pathlib.Path) -> bool:
    """Whether a folder has folders of .txt files, at one of two levels."""
    return bool(_classes(directory)) or any(
        _classes(child) for child in _folders(directory)
    )


def open_text_folder(directory: pathlib.Path, reading: Reading) -> RowSource:
    """Opens a folder whose folders are classes, or parts of classes.

    Args:
        directory: The folder.
        reading: The flags; only the encoding applies.

    Raises:
        ValueError: See `parts_of`; or if another flag is set.
    """
    refuse_unused(str(directory), reading, OF_DELIMITED)
    parts = parts_of(directory)
    encoding = _encoding_of(directory, reading)
    files = [file for labels in parts.values() for file, _ in _files(labels)]
    guesses = [
        f"reading {directory}: a text per file, the class is its folder; "
        + ", ".join(
            f"{part} {sorted(label.name for label in labels)}"
            for part, labels in parts.items()
        )
    ]
    unlabelled = {
        label.name
        for labels in parts.values()
        for label in labels
        if _is_unlabelled(label)
    }
    if unlabelled:
        guesses.append(f"no label: the texts in {sorted(unlabelled)}")
    return RowSource(
        name=directory.resolve().name,
        parts={
            part: open_part(directory, labels, reading).read_whole
            for part, labels in parts.items()
        },
        columns=("text", "label"),
        hash_files=functools.partial(hashes.sha256_of_tree, directory, files),
        guesses=tuple(guesses),
        format={} if encoding == encodings.UTF8 else {"encoding": encoding},
    )


def parts_of(directory: pathlib.Path) -> dict[str, list[pathlib.Path]]:
    """Part name to its folders of classes.

    Raises:
        ValueError: If a folder's part cannot be told from its name, or texts
            lie in folders of a class.
    """
    if classes := _classes(directory):
        _refuse_nested(directory, classes)
        return {"train": classes}
    parts: dict[str, list[pathlib.Path]] = {}
    for child in _folders(directory):
        if classes := _classes(child):
            part = part_names.part_of(child.name)
            if part is None or part in parts:
                raise ValueError(
                    f"{directory}: expected folders named train, "
                    "validation or test, or one folder per class. "
                    f"Received: {child.name!r} with folders of texts."
                )
            _refuse_nested(child, classes)
            parts[part] = classes
    return part_names.in_order(parts)


def _refuse_nested(
    directory: pathlib.Path, classes: list[pathlib.Path]
) -> None:
    for folder in _folders(directory):
        if folder not in classes and any(
            file.suffix.lower() == _SUFFIX for file in folder.rglob("*")
        ):
            raise ValueError(
                f"{folder}: expected .txt files and no folders, as in "
                f"{classes[0].name!r} beside it. Received: texts and folders. "
                "Move the texts into one folder per class, or the folder away."
            )


def open_part(
    directory: pathlib.Path, labels: list[pathlib.Path], reading: Reading
) -> Spans:
    """Opens the texts of a part, which are cut between files.

    Args:
        directory: The folder.
        labels: The part's folders of classes.
        reading: The flags; only the encoding applies.
    """
    asked = reading.encoding and _encoding_of(directory, reading)
    files = functools.cache(lambda: list(_files(labels)))

    def read(span: Span) -> Iterator[Row | Fault]:
        for number in span.units(len(files())):
            file, label = files()[number]
            yield _row(directory, file, label, asked)

    return Spans(lambda rows: spans_of_size(0, len(files()), rows), read)


def _files(
    labels: list[pathlib.Path],
) -> Iterator[tuple[pathlib.Path, str | None]]:
    """Files and their labels, in their order."""
    for label in labels:
        name = None if _is_unlabelled(label) else label.name
        for file in _texts(label):
            yield file, name


def _encoding_of(directory: pathlib.Path, reading: Reading) -> str:
    return encodings.encoding_of(str(directory), b"", reading.encoding)[0]


def _row(
    directory: pathlib.Path,
    file: pathlib.Path,
    label: str | None,
    asked: str,
) -> Row | Fault:
    content = file.read_bytes()
    encoding = asked or encodings.unicode_of(content)[0] or encodings.UTF8
    decode = functools.partial(
        content.decode,
        "utf-8-sig" if encoding == encodings.UTF8 else encoding,
    )
    try:
        text = decode()
    except UnicodeDecodeError as error:
        fault = encodings.Undecodable(
            content.count(b"\n", 0, error.start) + 1,
            error.start - content.rfind(b"\n", 0, error.start),
            content[error.start],
            content,
        )
        return Fault(
            str(file),
            NOT_DECODABLE,
            encodings.undecodable_message(
                str(file), fault, encoding, likely_encodings.cure_of(content)
            ),
            decode(errors="backslashreplace")[:1000],
        )
    key = file.relative_to(directory).as_posix()
    return Row(str(file), key, {"text": text, "label": label})


def _classes(directory: pathlib.Path) -> list[pathlib.Path]:
    """Folders in `directory` that have .txt files, by name."""
    return [
        folder
        for folder in _folders(directory)
        if next(iter(_texts(folder, is_sorted=False)), None)
        and not any(_folders(folder))
    ]


def _folders(directory: pathlib.Path) -> list[pathlib.Path]:
    return sorted(
        child
        for child in directory.iterdir()
        if child.is_dir() and not child.name.startswith(".")
    )


def _texts(
    folder: pathlib.Path, is_sorted: bool = True
) -> Iterator[pathlib.Path]:
    files = (
        file
        for file in folder.iterdir()
        if file.suffix.lower() == _SUFFIX and not file.name.startswith(".")
    )
    return iter(sorted(files)) if is_sorted else files


def _is_unlabelled(label: pathlib.Path) -> bool:
    return label.name.lower() in _UNLABELLED
