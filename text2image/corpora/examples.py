"""One labelled text, a corpus of them, and what every source checks."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

E = TypeVar("E")


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
class Corpus(Generic[E]):
    """Labelled examples in named parts.

    Attributes:
        name: For file names and reports.
        parts: Part name to a function that starts a new stream of it.
        label_names: Class names in label order, or `None` where only a pass
            over the data can tell (files).
        sha256: Identifies the data: of the files it is read from.
        is_split: Whether it is always read by its own parts, train and
            validation, whatever the protocol.
    """

    name: str
    parts: dict[str, Callable[[], Iterator[E]]]
    label_names: tuple[str, ...] | None
    sha256: str
    is_split: bool = False


def make_example(
    path: pathlib.Path, line: int, key: str, text: str, label: Any
) -> Example:
    """Makes an example of what a source holds, or refuses it.

    Args:
        path: The source.
        line: Line or row there.
        key: The example's id.
        text: Its text.
        label: Its class, as `class_name` takes it.

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
    """A label of a source as the name of a class.

    Raises:
        ValueError: If it is neither text nor whole number, is empty, of
            several lines or not Unicode; names path and line.
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
            f"{path}, line {line}: the label {label!r} holds a newline. Names "
            "of classes must be one line."
        )
    check_unicode(path, line, "label", label)
    return label.strip()


def check_unicode(path: pathlib.Path, line: int, name: str, value: str) -> None:
    """Refuses a text that UTF-8 cannot hold; `name` says what it is.

    Raises:
        ValueError: Names path and line.
    """
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{path}, line {line}: the {name} holds a lone surrogate, "
            "which is not Unicode text. Remove or repair it."
        ) from error


@dataclasses.dataclass(frozen=True)
class CaptionedImage:
    """A picture with a title and a description.

    Attributes:
        id: Unique in the corpus, stable across runs.
        title: As it stands in the source; empty if there is none.
        description: Likewise.
        label: Its class's name.
        source: Where it was collected (`flickr`, `google`), or the corpus's
            part.
        place: File and line, for messages.
        read_image: Reads the encoded picture; raises OSError if it cannot.
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
        """Title and description."""
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
    """Makes a sample of what a source holds, or refuses it.

    Args:
        path: The source.
        line: Line or row there.
        key: The sample's id.
        texts: `title` and `description`; missing, `None` or blank is none.
        label: Its class, as `class_name` takes it.
        source: See `CaptionedImage`.
        read_image: See `CaptionedImage`.

    Raises:
        ValueError: If a text is no string or not Unicode, or the label is
            none; names path and line.
    """
    found = {}
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
        found[name] = value if value.strip() else ""
    return CaptionedImage(
        id=key,
        label=class_name(path, line, label),
        source=source,
        place=f"{path}, line {line}",
        read_image=read_image,
        **found,
    )
