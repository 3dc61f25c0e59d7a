"""Labels for texts on the command line, from a run or from an export.

    python -m trainers.predict --workdir=RUN "a gripping film" "dull"
    python -m trainers.predict --export_dir=DIR --file=reviews.csv

The predictions go to standard output one by one, in the order of the texts.
"""

import dataclasses
import itertools
import pathlib
import sys
from collections.abc import Iterator, Sequence

from absl import logging

from text2image.corpora import unlabelled
from text2image.corpora.rows import Reading
from tfrecords import command_line, files, ranges
from tfrecords.devices import DeviceOptions
from tfrecords.settings import validate
from trainers.serving import formats
from trainers.serving.options import (
    FILE_FLAGS,
    FileOptions,
    ModelOptions,
    check_model,
    common,
    ignored_by_export,
)


@dataclasses.dataclass(frozen=True)
class PredictOptions:
    """Which texts are labelled, and how the predictions are written."""

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
    format: str = common(
        "table", "Format of the predictions.", tuple(formats.FORMATS)
    )
    batch_size: int = common(
        32,
        "Texts read before they are labelled; 1 labels each as it arrives.",
        ranges.BATCH,
    )
    image_dir: str = common(
        "", "Save each text's image to this directory, as <id>.png."
    )

    def __post_init__(self) -> None:
        """Refuses values that no prediction could use."""
        validate(self)


PROGRAM = command_line.Program(
    "trainers.predict",
    __doc__,
    settings=(ModelOptions, PredictOptions, FileOptions, DeviceOptions),
    positional=("TEXT", "Texts to label, instead of a --file."),
    resumes=False,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Labels the texts of the command line or of a file."""
    return command_line.main(PROGRAM, _run, argv, check=_check)


def _check(arguments: command_line.Arguments) -> None:
    """Refuses what can be refused before anything is loaded."""
    model = arguments.settings(ModelOptions)
    options = arguments.settings(PredictOptions)
    check_model(model)
    if bool(options.file) == bool(arguments.rest):
        raise command_line.UsageError(
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


def _run(arguments: command_line.Arguments) -> int:
    import tqdm

    from trainers.serving.predictor import load_predictor

    options = arguments.settings(PredictOptions)
    texts = _texts(options, _reading(arguments), arguments.rest)
    # A file that cannot be read is reported before the model is loaded.
    first = list(itertools.islice(texts, 1))
    if not first:
        logging.warning("no texts in %s", options.file)
    image_dir = None
    if options.image_dir:
        image_dir = pathlib.Path(options.image_dir)
        files.make_directory(image_dir, "image_dir")
    model = arguments.settings(ModelOptions)
    predictor = load_predictor(**dataclasses.asdict(model))
    predictions = predictor.predict(
        itertools.chain(first, texts),
        batch_size=options.batch_size,
        image_dir=image_dir,
    )
    if not sys.stdout.isatty():  # there the predictions show the progress
        predictions = tqdm.tqdm(predictions, unit=" texts", mininterval=0.5)
    write = formats.FORMATS[options.format]
    return formats.print_lines(write(predictions, predictor.label_names))


def _reading(arguments: command_line.Arguments) -> Reading:
    text_key = arguments.settings(PredictOptions).text_key
    reading = arguments.settings(FileOptions).reading
    return dataclasses.replace(reading, text_key=text_key)


def _texts(
    options: PredictOptions, reading: Reading, typed: tuple[str, ...]
) -> Iterator[unlabelled.Text]:
    if options.file:
        return unlabelled.read_texts(
            options.file, reading=reading, part=options.part
        )
    return itertools.starmap(unlabelled.Text, enumerate(typed, start=1))


if __name__ == "__main__":
    sys.exit(main())
