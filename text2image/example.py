"""One labelled text, a corpus of them, and what every source checks."""

import dataclasses
import hashlib
import pathlib
from collections.abc import Callable, Iterator


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
class Corpus:
    """Labelled texts in named parts.

    Attributes:
        name: For file names and reports.
        parts: Part name to a function that starts a new stream of it.
        label_names: Class names in label order, or `None` where only a pass
            over the data can tell (files).
        sha256: Identifies the data: of the files it is read from.
    """

    name: str
    parts: dict[str, Callable[[], Iterator[Example]]]
    label_names: tuple[str, ...] | None
    sha256: str


def make_example(
    path: pathlib.Path, line: int, key: str, text: str, label: str
) -> Example:
    """Makes an example of what a source holds, or refuses it.

    Args:
        path: The source.
        line: Line or row there.
        key: The example's id.
        text: Its text.
        label: Its class's name.

    Raises:
        ValueError: If text or label is empty or not Unicode; names path and
            line.
    """
    if not text.strip():
        raise ValueError(
            f"{path}, line {line}: the text is empty. Remove the line."
        )
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
    for name, value in (("text", text), ("label", label)):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError(
                f"{path}, line {line}: the {name} holds a lone surrogate, "
                "which is not Unicode text. Remove or repair it."
            ) from error
    return Example(key, text, label.strip())


def sha256_of_files(paths: list[pathlib.Path]) -> str:
    """Sha256 over the sha256 of each file, in order."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
