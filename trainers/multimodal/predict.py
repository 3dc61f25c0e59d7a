r"""Labels for images with texts; or whether a claimed label holds.

    python -m trainers.multimodal.predict --workdir=RUN --image=a.jpg \
        --title="A title"
    python -m trainers.multimodal.predict --workdir=RUN --file=products.jsonl
    python -m trainers.multimodal.predict --workdir=RUN --verify \
        --file=claims.jsonl

Writes one JSON object per line, in the order of the samples.
"""

import dataclasses
import itertools
import json
import pathlib
import sys
from collections.abc import Iterator, Sequence

from text2image.corpora import captioned_images, examples, image_fields
from text2image.corpora.rows import Reading
from tfrecords import command_line, ranges
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

_UNKNOWN = "?"  # the label of a sample that claims none


@dataclasses.dataclass(frozen=True)
class PredictOptions:
    """Which samples are labelled or verified."""

    file: str = common(
        "",
        "Samples: a file that --dataset of a training takes, or a directory "
        "of images.",
    )
    image: str = common("", "Or one sample's image; may be left out.")
    title: str = common("", "Its title; may be left out.")
    description: str = common("", "Its description; may be left out.")
    label: str = common("", "Its claimed label, for --verify.")
    verify: bool = common(
        False,
        "Say whether the claimed label agrees with the model, with the "
        "probabilities and the prediction from each modality alone.",
    )
    image_key: str = common("image", "Column of the image's path.")
    title_key: str = common("title", "Column of the title.")
    description_key: str = common("description", "Column of the description.")
    label_key: str = common(
        "label", "Column of the claimed label, for --verify."
    )
    batch_size: int = common(32, "Samples computed at a time.", ranges.BATCH)

    def __post_init__(self) -> None:
        """Refuses values that no prediction could use."""
        validate(self)


PROGRAM = command_line.Program(
    "trainers.multimodal.predict",
    __doc__,
    settings=(ModelOptions, PredictOptions, FileOptions, DeviceOptions),
    resumes=False,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Labels one sample of the flags, or those of a file."""
    return command_line.main(PROGRAM, _run, argv, check=_check)


def _check(arguments: command_line.Arguments) -> None:
    """Refuses what can be refused before anything is loaded."""
    model = arguments.settings(ModelOptions)
    options = arguments.settings(PredictOptions)
    check_model(model)
    is_typed = any((options.image, options.title, options.description))
    if bool(options.file) == is_typed:
        raise command_line.UsageError(
            "Expected either --file=PATH or some of --image, --title, "
            f"--description. Received: {'both' if is_typed else 'neither'}."
        )
    if options.verify and is_typed and not options.label:
        raise command_line.UsageError(
            "Expected --verify with the claimed --label. Received: no --label."
        )
    arguments.refuse_ignored(
        [
            ignored_by_export(model),
            (
                (
                    *("image_key", "title_key", "description_key"),
                    *("label_key", *FILE_FLAGS),
                ),
                not options.file,
                "only a --file has columns or an encoding",
            ),
            (
                FILE_FLAGS,
                pathlib.Path(options.file or "-").is_dir(),
                f"{options.file} is a directory of images",
            ),
            (
                ("label", "label_key"),
                not options.verify,
                "claimed labels are for --verify",
            ),
            (
                ("label",),
                bool(options.file),
                "--file holds the claimed labels",
            ),
        ]
    )


def _run(arguments: command_line.Arguments) -> int:
    from trainers.multimodal.predictor import load_predictor

    options = arguments.settings(PredictOptions)
    samples = _samples(options, arguments.settings(FileOptions).reading)
    # A file that cannot be read is reported before the model is loaded.
    first = list(itertools.islice(samples, 1))
    model = arguments.settings(ModelOptions)
    predictor = load_predictor(**dataclasses.asdict(model))
    predict = predictor.verify if options.verify else predictor.predict
    predictions = predict(
        itertools.chain(first, samples), batch_size=options.batch_size
    )
    return formats.print_lines(
        json.dumps(prediction, ensure_ascii=False) + "\n"
        for prediction in predictions
    )


def _samples(
    options: PredictOptions, reading: Reading
) -> Iterator[examples.CaptionedImage]:
    if not options.file:
        return iter([_typed_sample(options)])
    keys = captioned_images.Keys(
        options.image_key,
        options.title_key,
        options.description_key,
        options.label_key,
        reading,
    )
    return map(
        examples.usable,
        captioned_images.read_file(
            pathlib.Path(options.file),
            keys,
            labelled=options.verify,
            may_lack=True,
        ),
    )


def _typed_sample(options: PredictOptions) -> examples.CaptionedImage:
    image = options.image
    sample = examples.make_captioned_image(
        "command line",
        key=image or "1",
        texts={"title": options.title, "description": options.description},
        label=options.label or _UNKNOWN,
        source="",
        read_image=(
            image_fields.image_reader(pathlib.Path(), image) if image else bytes
        ),
    )
    return examples.usable(sample)


if __name__ == "__main__":
    sys.exit(main())
