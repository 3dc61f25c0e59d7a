"""Labelled examples, the corpus that holds them, and checks on both."""

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from text2image.corpora import label_values, labels, rows
from text2image.corpora.rows import Fault

E = TypeVar("E")


@dataclasses.dataclass(frozen=True)
class Example:
    """One text, with its label if it has one.

    Attributes:
        id: Unique in the corpus, stable across runs.
        text: The text as in the source; never cleaned.
        label: Its label as in the source, stripped; `None` if unlabelled.
    """

    id: str
    text: str
    label: str | None


@dataclasses.dataclass(frozen=True)
class Corpus(Generic[E]):
    """Examples in named parts.

    Attributes:
        name: Name for file names and reports.
        parts: Part name to a function that starts a new stream of the part:
            its examples, and a fault in place of each that cannot be one.
        label_names: Class names in label order, or `None` where only a pass
            over the data can tell (files).
        sha256: Hash of the files it is read from; identifies the data.
        is_split: Whether its own parts, train and validation, are used
            under every protocol.
        reading: How it is read: the columns of text and label, and what is
            not as usual; part of the provenance of what is made from it.
    """

    name: str
    parts: dict[str, Callable[[], Iterator[E | Fault]]]
    label_names: tuple[str, ...] | None
    sha256: str
    is_split: bool = False
    reading: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def usable(item: E | Fault) -> E:
    """Returns an example, or refuses a fault.

    Raises:
        ValueError: If it is a fault; the fault's message.
    """
    if isinstance(item, Fault):
        raise ValueError(item.message)
    return item


def make_example(
    place: str, key: str, text: Any, label: Any
) -> Example | Fault:
    """Makes an example from a row.

    Args:
        place: File and line, or dataset and example, for messages.
        key: Id of the example.
        text: Text of the example.
        label: Its label, as `label_values.class_name` takes it.

    Returns:
        The example; or a fault if the text is no string, is empty or is not
        Unicode, or if `label_values.class_name` gives one.

    Raises:
        ValueError: If such a label makes the whole corpus no classification
            with one class per text; see `label_values.class_name`.
    """
    name = label_values.class_name(place, label)
    fault = rows.fault_of_text(place, "text", text)
    if fault is None and isinstance(text, str) and not labels.visible(text):
        fault = Fault(
            place,
            rows.EMPTY_TEXT,
            f"{place}: the text is empty. Remove the row.",
            "",
        )
    if fault is None and isinstance(name, Fault):
        fault = name
    if fault is not None:
        return dataclasses.replace(
            fault, content=_shown({"text": text, "label": label})
        )
    return Example(key, text, name)  # type: ignore[arg-type]


def _shown(row: dict[str, Any]) -> str:
    """Writes a row as JSON, lone surrogates as escapes."""
    value = json.dumps(row, ensure_ascii=False, default=str)
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


# Texts that every captioned image may have.
CAPTIONS = ("title", "description")


@dataclasses.dataclass(frozen=True)
class CaptionedImage:
    """An image with a title, a description, and further texts.

    Attributes:
        id: Unique in the corpus, stable across runs.
        title: The title as in the source; empty if there is none.
        description: The description as in the source; empty if there is none.
        label: Its label as in the source, stripped; `None` if unlabelled.
        source: Where it was collected (`flickr`, `google`), or the corpus's
            part.
        place: File and line, for messages.
        read_image: Reads the encoded image; raises OSError if it cannot.
        further: Name to other text, such as tags; empty if there is none.
    """

    id: str
    title: str
    description: str
    label: str | None
    source: str
    place: str
    read_image: Callable[[], bytes] = dataclasses.field(compare=False)
    further: Mapping[str, str] = dataclasses.field(
        default_factory=dict, hash=False
    )

    @property
    def texts(self) -> dict[str, str]:
        """All texts by name, title and description first."""
        return {
            "title": self.title,
            "description": self.description,
            **self.further,
        }

    @property
    def text(self) -> str:
        """All texts, on separate lines."""
        return "\n".join(self.texts.values()).strip()


def make_captioned_image(
    place: str,
    *,
    key: str,
    texts: dict[str, Any],
    label: Any,
    source: str,
    read_image: Callable[[], bytes],
) -> CaptionedImage | Fault:
    """Makes a captioned image from a row.

    Args:
        place: File and line, or dataset and example, for messages.
        key: Id of the image.
        texts: `title`, `description` and further ones; missing, `None` and
            blank ones become empty.
        label: Class of the image, as `label_values.class_name` takes it.
        source: See `CaptionedImage`.
        read_image: See `CaptionedImage`.

    Returns:
        The captioned image; or a fault if a text is neither a string nor null
        or is not Unicode, or if `label_values.class_name` gives one.

    Raises:
        ValueError: See `label_values.class_name`.
    """
    captions = {
        name: "" if texts.get(name) is None else texts[name]
        for name in (*CAPTIONS, *(n for n in texts if n not in CAPTIONS))
    }
    name = label_values.class_name(place, label)
    faults = [
        rows.fault_of_text(place, *caption) for caption in captions.items()
    ]
    faults.append(name if isinstance(name, Fault) else None)
    for fault in faults:
        if fault is not None:
            content = _shown({"id": key, **captions, "label": label})
            return dataclasses.replace(fault, content=content)
    stripped = {n: text if text.strip() else "" for n, text in captions.items()}
    return CaptionedImage(
        id=key,
        label=name,  # type: ignore[arg-type]
        source=source,
        place=place,
        read_image=read_image,
        **{name: stripped.pop(name) for name in CAPTIONS},
        further=stripped,
    )
