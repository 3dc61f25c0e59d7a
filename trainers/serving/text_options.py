"""Texts that a program takes: typed on its command line, or of a file."""

import dataclasses
import itertools
import pathlib
from collections.abc import Iterator

from text2image.corpora import unlabelled
from text2image.corpora.rows import Reading
from tfrecords.command_line import Arguments, UsageError
from tfrecords.settings import validate
from trainers.serving.options import (
    FILE_FLAGS,
    FileOptions,
    ModelOptions,
    check_model,
    common,
    ignored_by_export,
)


@dataclasses.dataclass(frozen=True)
class TextOptions:
    """Which texts are read."""

    file: str = common(
        "",
        "Texts: any file or folder that --dataset of a training takes, .txt "
        "(one text per line), or - for standard input (one text per line).",
    )
    part: str = common(
        "", "Part of a folder, such as test. By default all parts."
    )
    text_key: str = common(
        "",
        "Column or key of the text; several, as in title,description, are "
        "joined by a line break. By default the one column that is named "
        "text, review, sentence or the like.",
    )

    def __post_init__(self) -> None:
        """Refuses values that no file could use."""
        validate(self)


def check(arguments: Arguments) -> None:
    """Refuses what can be refused before model or texts are read.

    Raises:
        UsageError: If there is not one model, or not one source of texts, or a
            flag has no effect on it.
    """
    model = arguments.settings(ModelOptions)
    options = arguments.settings(TextOptions)
    check_model(model)
    if bool(options.file) == bool(arguments.rest):
        raise UsageError(
            'Expected either texts ("...") or --file=PATH. Received: '
            f"{'both' if options.file else 'neither'}."
        )
    has_lines = unlabelled.has_lines(options.file, _reading(arguments))
    arguments.refuse_ignored(
        [
            ignored_by_export(model),
            (
                (*FILE_FLAGS, "text_key"),
                not options.file,
                "only a --file has columns or an encoding",
            ),
            (
                ("text_key", "quoting", "columns"),
                has_lines,
                f"{options.file} has no columns, but a text per line",
            ),
            (
                ("part",),
                not pathlib.Path(options.file or "-").is_dir(),
                "only a folder has parts",
            ),
        ]
    )


def read(arguments: Arguments) -> Iterator[unlabelled.Text]:
    """Streams the texts."""
    options = arguments.settings(TextOptions)
    if options.file:
        return unlabelled.read_texts(
            options.file, reading=_reading(arguments), part=options.part
        )
    return itertools.starmap(
        unlabelled.Text, enumerate(arguments.rest, start=1)
    )


def _reading(arguments: Arguments) -> Reading:
    text_key = arguments.settings(TextOptions).text_key
    reading = arguments.settings(FileOptions).reading
    return dataclasses.replace(reading, text_key=text_key)
