"""Samples that a program takes: one of its command line, or a file's."""

import dataclasses
import itertools
import json
import pathlib
from collections.abc import Iterator

from text2image.corpora import captioned_images, examples, image_fields
from tfrecords.command_line import Arguments, Program, UsageError
from tfrecords.devices import DeviceOptions
from tfrecords.settings import validate
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
class SampleOptions:
    """Which samples are read."""

    file: str = common(
        "",
        "Samples: a file that --dataset of a training takes, or a directory "
        "of images.",
    )
    image: str = common("", "Or one sample's image; may be left out.")
    title: str = common("", "Its title; may be left out.")
    description: str = common("", "Its description; may be left out.")
    texts: str = common(
        "",
        'Its other texts, as a JSON object: {"tags": "red, leather"}; a model '
        "has them if its records do (--text_fields).",
    )
    image_key: str = common("image", "Column of the image's path.")
    title_key: str = common("title", "Column of the title.")
    description_key: str = common("description", "Column of the description.")

    def __post_init__(self) -> None:
        """Refuses values that no sample could have."""
        validate(self)
        _ = self.further  # refuses what is no JSON object of texts

    @property
    def further(self) -> dict[str, str]:
        """The other texts by name.

        Raises:
            ValueError: If `texts` is no JSON object of strings.
        """
        if not self.texts:
            return {}
        try:
            value = json.loads(self.texts)
        except ValueError:
            value = None
        if not isinstance(value, dict) or not all(
            isinstance(text, str) for text in value.values()
        ):
            raise ValueError(
                'Expected --texts as a JSON object of strings, {"tags": "red"}.'
                f" Received: {self.texts!r}"
            )
        return value

    @property
    def is_typed(self) -> bool:
        """Whether the command line holds a sample."""
        return any((self.image, self.title, self.description, self.texts))


def program(name: str, doc: str | None, options: type) -> Program:
    """The program of a module that asks a trained model about samples.

    Args:
        name: What is typed after `python -m`.
        doc: Docstring of the module.
        options: Settings that this program alone has.
    """
    return Program(
        name,
        doc,
        settings=(
            ModelOptions,
            SampleOptions,
            options,
            FileOptions,
            DeviceOptions,
        ),
        resumes=False,
    )


def check(arguments: Arguments, *, further_keys: tuple[str, ...] = ()) -> None:
    """Refuses what can be refused before model or samples are read.

    Args:
        arguments: Arguments of the program.
        further_keys: Flags of columns that only this program has.

    Raises:
        UsageError: If there is not one model, or not one source of samples, or
            a flag has no effect on it.
    """
    model = arguments.settings(ModelOptions)
    options = arguments.settings(SampleOptions)
    check_model(model)
    if bool(options.file) == options.is_typed:
        raise UsageError(
            "Expected either --file=PATH or some of --image, --title, "
            "--description, --texts. Received: "
            f"{'both' if options.is_typed else 'neither'}."
        )
    keys = ("image_key", "title_key", "description_key", *further_keys)
    arguments.refuse_ignored(
        [
            ignored_by_export(model),
            (
                (*keys, *FILE_FLAGS),
                not options.file,
                "only a --file has columns or an encoding",
            ),
            (
                FILE_FLAGS,
                pathlib.Path(options.file or "-").is_dir(),
                f"{options.file} is a directory of images",
            ),
        ]
    )


def read(
    arguments: Arguments, *, label: str = "", label_key: str | None = None
) -> Iterator[examples.CaptionedImage]:
    """Streams the samples; reads the first at once.

    So a file that cannot be read is reported before a model is loaded.

    Args:
        arguments: Arguments of the program.
        label: Label of the sample of the command line.
        label_key: Column of the labels of a file; `None` reads no labels.
    """
    from trainers.multimodal.predictor import fields_of, read_image

    options = arguments.settings(SampleOptions)
    model = arguments.settings(ModelOptions)
    fields = fields_of(model.workdir, model.export_dir)
    unknown = set(options.further) - set(fields)
    if unknown:
        raise ValueError(
            f"--texts must name texts of the model, {', '.join(fields)}. "
            f"Received: {', '.join(sorted(unknown))}"
        )
    further = tuple(name for name in fields if name not in examples.CAPTIONS)
    if not options.file:
        sample = typed_sample(options, label)
        read_image(sample)  # refuses it
        return iter([sample])
    keys = captioned_images.Keys(
        options.image_key,
        options.title_key,
        options.description_key,
        label_key or "",
        arguments.settings(FileOptions).reading,
        further,
    )
    samples = map(
        examples.usable,
        captioned_images.read_file(
            pathlib.Path(options.file),
            keys,
            labelled=label_key is not None,
            may_lack=True,
        ),
    )
    first = list(itertools.islice(samples, 1))
    return itertools.chain(first, samples)


def typed_sample(
    options: SampleOptions, label: str = ""
) -> examples.CaptionedImage:
    """The sample of the command line."""
    image = options.image
    sample = examples.make_captioned_image(
        "command line",
        key=image or "1",
        texts={
            "title": options.title,
            "description": options.description,
            **options.further,
        },
        label=label or _UNKNOWN,
        source="",
        read_image=(
            image_fields.image_reader(pathlib.Path(), image) if image else bytes
        ),
    )
    return examples.usable(sample)
