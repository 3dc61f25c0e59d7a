"""Texts and labels of a Python program, checked and written as rows."""

import hashlib
import json
import pathlib
from collections.abc import Sequence
from typing import Any

from text2image.corpora import labels
from text2image.text_lists import check_texts
from tfrecords import files
from trainers.estimators.class_labels import ClassLabels


def check_examples(
    given: Any, labels_given: Any
) -> tuple[list[str], ClassLabels, list[str]]:
    """Checks texts and labels.

    Args:
        given: N texts.
        labels_given: Their labels.

    Returns:
        The texts, their classes, and the name of each text's class.

    Raises:
        TypeError: If a text is not a string, or a label not hashable.
        ValueError: If lengths differ, a text is empty, a label is missing, or
            there is one class.
    """
    texts = check_texts(given)
    shape = getattr(labels_given, "shape", None)
    if isinstance(labels_given, str) or (shape is not None and len(shape) != 1):
        raise ValueError(
            "`labels` must have one axis, a label per text. Received: "
            f"{labels_given!r}"
        )
    listed = list(labels_given)
    if len(listed) != len(texts):
        raise ValueError(
            "`texts` and `labels` must have the same length. Received: "
            f"{len(texts)} texts and {len(listed)} labels."
        )
    for number, text in enumerate(texts):
        if not labels.visible(text):
            raise ValueError(
                f"Every text needs characters. Received: {text!r} at index "
                f"{number}. Leave it out."
            )
    classes = ClassLabels.of(listed)
    if len(classes.names) < 2:
        raise ValueError(
            "A classifier needs at least two classes. Received: "
            f"{len(classes.names)} class"
        )
    # Equal labels are one class, though True and 1 are written differently.
    names: dict[Any, str] = {}
    for label in listed:
        names.setdefault(label, str(label))
    return texts, classes, [names[label] for label in listed]


def write_rows(
    directory: pathlib.Path, texts: Sequence[str], names: Sequence[str]
) -> pathlib.Path:
    """Writes JSON lines, named after their content, unless they exist.

    Args:
        directory: Directory of the file.
        texts: N texts.
        names: Names of their classes.

    Returns:
        The file, which `--dataset` takes.
    """
    rows = zip(texts, names, strict=True)
    content = "".join(
        json.dumps({"text": text, "label": name}) + "\n" for text, name in rows
    )
    digest = hashlib.sha256(content.encode()).hexdigest()[:12]
    path = directory / f"texts-{digest}.jsonl"
    if not path.is_file():
        files.write_text(path, content)
    return path
