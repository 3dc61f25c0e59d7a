"""One labelled picture with its texts, and what every source checks."""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

from text2image import example


@dataclasses.dataclass(frozen=True)
class Sample:
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


def make_sample(
    path: pathlib.Path,
    line: int,
    *,
    key: str,
    texts: dict[str, Any],
    label: Any,
    source: str,
    read_image: Callable[[], bytes],
) -> Sample:
    """Makes a sample of what a source holds, or refuses it.

    Args:
        path: The source.
        line: Line or row there.
        key: The sample's id.
        texts: `title` and `description`; missing, `None` or blank is none.
        label: Its class, as `example.class_name` takes it.
        source: See `Sample`.
        read_image: See `Sample`.

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
        example.check_unicode(path, line, name, value)
        found[name] = value if value.strip() else ""
    return Sample(
        id=key,
        label=example.class_name(path, line, label),
        source=source,
        place=f"{path}, line {line}",
        read_image=read_image,
        **found,
    )
