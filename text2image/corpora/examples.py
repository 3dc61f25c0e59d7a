"""Labelled examples, the corpus that holds them, and checks on both."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

E = TypeVar("E")


@dataclasses.dataclass(frozen=True)
class Example:
    """One labelled text.

    Attributes:
        id: Unique in the corpus, stable across runs.
        text: The text as in the source; never cleaned.
        label: Name of its class.
    """

    id: str
    text: str
    label: str


@dataclasses.dataclass(frozen=True)
class Corpus(Generic[E]):
    """Labelled examples in named parts.

    Attributes:
        name: Name for file names and reports.
        parts: Part name to a function that starts a new stream of the part.
        label_names: Class names in label order, or `None` where only a pass
            over the data can tell (files).
        sha256: Hash of the files it is read from; identifies the data.
        is_split: Whether its own parts, train and validation, are used
            under every protocol.
        reading: How it is read: the columns of text and label, and what is
            not as usual; part of the provenance of what is made from it.
    """

    name: str
    parts: dict[str, Callable[[], Iterator[E]]]
    label_names: tuple[str, ...] | None
    sha256: str
    is_split: bool = False
    reading: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def make_example(
    path: pathlib.Path, line: int, key: str, text: str, label: Any
) -> Example:
    """Makes an example from a row, or refuses the row.

    Args:
        path: File or dataset of the row, for messages.
        line: Line or row number, for messages.
        key: Id of the example.
        text: Text of the example.
        label: Class of the example, as `class_name` takes it.

    Raises:
        ValueError: If text or label is empty or not Unicode; names path and
            line.
    """
    if not text.strip():
        raise ValueError(
            f"{path}, line {line}: the text is empty. Remove the line."
        )
    check_unicode(path, line, "text", text)
    return Example(key, text, class_name(path, line, label))


def class_name(path: pathlib.Path, line: int, label: Any) -> str:
    """Converts a row's label to the name of a class.

    Raises:
        ValueError: If the label is neither a string nor an integer, is empty,
            spans several lines or is not Unicode; names path and line.
    """
    if not isinstance(label, str | int) or isinstance(label, bool):
        raise ValueError(
            f"{path}, line {line}: `label` must be a string or a whole "
            f"number. Received: {label!r}"
        )
    label = str(label)
    if not label.strip():
        raise ValueError(
            f"{path}, line {line}: the label is empty. Remove the line or "
            "give it one."
        )
    if len(label.split("\n")) > 1:
        raise ValueError(
            f"{path}, line {line}: the label {label!r} contains a newline. "
            "Class names must be one line."
        )
    check_unicode(path, line, "label", label)
    return label.strip()


def check_unicode(path: pathlib.Path, line: int, name: str, value: str) -> None:
    """Refuses a string that UTF-8 cannot encode.

    Args:
        path: File or dataset of the row, for the message.
        line: Line or row number, for the message.
        name: What the string is (`text`, `label`), for the message.
        value: The string to check.

    Raises:
        ValueError: If it cannot be encoded; names path and line.
    """
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{path}, line {line}: the {name} contains a lone surrogate, "
            "which is not Unicode text. Remove or repair it."
        ) from error


@dataclasses.dataclass(frozen=True)
class CaptionedImage:
    """An image with a title and a description.

    Attributes:
        id: Unique in the corpus, stable across runs.
        title: The title as in the source; empty if there is none.
        description: The description as in the source; empty if there is none.
        label: Name of its class.
        source: Where it was collected (`flickr`, `google`), or the corpus's
            part.
        place: File and line, for messages.
        read_image: Reads the encoded image; raises OSError if it cannot.
    """

    id: str
    title: str
    description: str
    label: str
    source: str
    place: str
    read_image: Callable[[], bytes] = dataclasses.field(compare=False)

    @property
    def text(self) -> str:
        """Title and description, on separate lines."""
        return f"{self.title}\n{self.description}".strip()


def make_captioned_image(
    path: pathlib.Path,
    line: int,
    *,
    key: str,
    texts: dict[str, Any],
    label: Any,
    source: str,
    read_image: Callable[[], bytes],
) -> CaptionedImage:
    """Makes a captioned image from a row, or refuses the row.

    Args:
        path: File or dataset of the row, for messages.
        line: Line or row number, for messages.
        key: Id of the image.
        texts: `title` and `description`; missing, `None` and blank ones
            become empty.
        label: Class of the image, as `class_name` takes it.
        source: See `CaptionedImage`.
        read_image: See `CaptionedImage`.

    Raises:
        ValueError: If a text is not a string or not Unicode, or the label is
            not a class name; names path and line.
    """
    checked = {}
    for name in ("title", "description"):
        value = texts.get(name)
        if value is None:
            value = ""
        if not isinstance(value, str):
            raise ValueError(
                f"{path}, line {line}: the {name} must be a string or null. "
                f"Received: {value!r}"
            )
        check_unicode(path, line, name, value)
        checked[name] = value if value.strip() else ""
    return CaptionedImage(
        id=key,
        label=class_name(path, line, label),
        source=source,
        place=f"{path}, line {line}",
        read_image=read_image,
        **checked,
    )
