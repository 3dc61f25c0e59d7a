"""Labelled examples, the corpus that holds them, and checks on both."""

import dataclasses
import functools
import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

import numpy as np

from text2image.corpora import labels, rows
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
        label: Its label, as `class_name` takes it.

    Returns:
        The example; or a fault if the text is no string, is empty or is not
        Unicode, or if `class_name` gives one.

    Raises:
        ValueError: If such a label makes the whole corpus no classification
            with one class per text; see `class_name`.
    """
    name = class_name(place, label)
    fault = _fault_of_text(place, "text", text)
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


def class_name(place: str, label: Any) -> str | Fault | None:
    """Converts the label of a row to a string.

    Args:
        place: File and line, or dataset and example, for messages.
        label: A string, which is stripped; a whole number; a float that is
            whole (`1.0` becomes `1`); a truth value (`true`, `false`). `None`
            and NaN say that the row is unlabelled.

    Returns:
        The label; `None` if there is none; or a fault if a string is empty,
        spans several lines or is not Unicode.

    Raises:
        ValueError: If it is a fraction (a regression target), several labels,
            or of another type.
    """
    if isinstance(label, str):
        return _plain_name(label) or _checked_name(place, label)
    if isinstance(label, np.generic):
        label = label.item()
    if label is None or (isinstance(label, float) and math.isnan(label)):
        return None
    if isinstance(label, bool):
        return "true" if label else "false"
    if isinstance(label, float) and label.is_integer():
        label = int(label)  # -0.0 becomes 0
    if isinstance(label, int):
        return str(label)
    if isinstance(label, float):
        raise ValueError(
            f"{place}: the label must be a class. Received: {label!r}, a "
            "target of regression, which is not supported. Name a column of "
            "classes with --label_key."
        )
    if isinstance(label, list | tuple | dict | set | np.ndarray):
        raise ValueError(
            f"{place}: every text must have one label; several (multi-label) "
            f"are not supported. Received: {_shortened(repr(label))}. Name a "
            "column of single labels with --label_key."
        )
    raise ValueError(
        f"{place}: the label must be a string, a whole number or a truth "
        f"value. Received: {_shortened(repr(label))}. Name the right column "
        "with --label_key."
    )


@functools.lru_cache(maxsize=4096)
def _plain_name(label: str) -> str | None:
    """The name of a usual label, remembered: rows repeat their labels."""
    name = _checked_name("", label)
    return name if isinstance(name, str) else None


def _checked_name(place: str, label: str) -> str | Fault:
    stripped = label.strip()
    if not labels.visible(stripped):
        message = (
            f"{place}: the label is empty. Give the row one, or remove it."
        )
        return Fault(place, rows.NO_LABEL, message, "")
    if "\n" in stripped or "\r" in stripped:
        message = (
            f"{place}: the label {_shortened(repr(label))} contains a newline. "
            "Class names must be one line."
        )
        return Fault(place, rows.NOT_A_ROW, message, "")
    return _fault_of_text(place, "label", stripped) or stripped


def _fault_of_text(place: str, name: str, value: Any) -> Fault | None:
    """Returns what is wrong with a string: its type, or a lone surrogate."""
    if value is None:
        message = f"{place}: the {name} is empty (null). Remove the row."
        return Fault(place, rows.EMPTY_TEXT, message, "")
    if not isinstance(value, str):
        message = (
            f"{place}: the {name} must be a string. Received: "
            f"{type(value).__name__}"
        )
        return Fault(place, rows.NOT_A_ROW, message, "")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        message = (
            f"{place}: the {name} contains a lone surrogate, which is not "
            "Unicode text. Remove or repair it."
        )
        return Fault(place, rows.LONE_SURROGATE, message, "")
    return None


def _shown(row: dict[str, Any]) -> str:
    """Writes a row as JSON, lone surrogates as escapes."""
    value = json.dumps(row, ensure_ascii=False, default=str)
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def _shortened(text: str, length: int = 80) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


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
        label: Class of the image, as `class_name` takes it.
        source: See `CaptionedImage`.
        read_image: See `CaptionedImage`.

    Returns:
        The captioned image; or a fault if a text is neither a string nor null
        or is not Unicode, or if `class_name` gives one.

    Raises:
        ValueError: See `class_name`.
    """
    captions = {
        name: "" if texts.get(name) is None else texts[name]
        for name in (*CAPTIONS, *(n for n in texts if n not in CAPTIONS))
    }
    name = class_name(place, label)
    faults = [_fault_of_text(place, *caption) for caption in captions.items()]
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
