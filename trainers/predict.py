"""Labels for texts on the command line, from a run or from an export.

    python -m trainers.predict --workdir=RUN "a gripping film" "dull"
    python -m trainers.predict --export_dir=DIR --file=reviews.csv

The predictions go to standard output one by one, in the order of the texts.
"""

import dataclasses
import itertools
import pathlib
import sys
from collections.abc import Sequence

from absl import logging

from tfrecords import command_line, files, ranges
from tfrecords.devices import DeviceOptions
from tfrecords.settings import validate
from trainers.serving import formats, text_options
from trainers.serving.options import FileOptions, ModelOptions, common
from trainers.serving.text_options import TextOptions


@dataclasses.dataclass(frozen=True)
class PredictOptions:
    """How the predictions are written."""

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
    settings=(
        ModelOptions,
        TextOptions,
        PredictOptions,
        FileOptions,
        DeviceOptions,
    ),
    positional=("TEXT", "Texts to label, instead of a --file."),
    resumes=False,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Labels the texts of the command line or of a file."""
    return command_line.main(PROGRAM, _run, argv, check=text_options.check)


def _run(arguments: command_line.Arguments) -> int:
    import tqdm

    from trainers.serving.predictor import load_predictor

    options = arguments.settings(PredictOptions)
    texts = text_options.read(arguments)
    # A file that cannot be read is reported before the model is loaded.
    first = list(itertools.islice(texts, 1))
    if not first:
        logging.warning("no texts in %s", arguments.settings(TextOptions).file)
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


if __name__ == "__main__":
    sys.exit(main())
