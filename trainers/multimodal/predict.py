r"""Labels for pictures with texts; or whether a claimed label holds.

    python -m trainers.multimodal.predict --workdir=RUN --image=a.jpg \
        --title="A title"
    python -m trainers.multimodal.predict --workdir=RUN --file=products.jsonl
    python -m trainers.multimodal.predict --workdir=RUN --verify \
        --file=claims.jsonl

A JSON object a line, in the order of the samples.
"""

import itertools
import json
import pathlib
import sys
import typing
from collections.abc import Callable, Iterator

from absl import app
from absl import flags as absl_flags

from tfrecords import command_line
from trainers.multimodal import predictor
from trainers.serving import formats

if typing.TYPE_CHECKING:
    from text2image.corpora import examples

_UNKNOWN = "?"  # the label of a sample that claims none


def main(arguments: list[str]) -> None:
    """Answers one sample of the flags, or those of a file."""
    values = absl_flags.FLAGS
    typed = any((values.image, values.title, values.description))
    if len(arguments) > 1:
        raise app.UsageError(f"Expected flags only. Received: {arguments[1:]}")
    if bool(values.workdir) == bool(values.export_dir):
        raise app.UsageError("Expected either --workdir or --export_dir.")
    if bool(values.file) == typed:
        raise app.UsageError(
            "Expected either --file=PATH or some of --image, --title, "
            "--description."
        )
    if values.verify and not values.file and not values.label:
        raise app.UsageError("--verify needs the claimed --label.")
    with formats.ending_as_shells_expect():
        _refuse_ignored_flags()
        _predict(_typed_sample if typed else _samples_of_file)


def _refuse_ignored_flags() -> None:
    """Refuses typed flags that another one leaves without effect."""
    values = absl_flags.FLAGS
    for names, is_ignored, because in (
        (
            ("encoder",),
            bool(values.export_dir),
            "--export_dir holds its encoder",
        ),
        (
            ("image_key", "title_key", "description_key", "label_key"),
            not values.file,
            "columns are of a --file",
        ),
        (
            ("label", "label_key"),
            not values.verify,
            "claimed labels are for --verify",
        ),
        (("label",), bool(values.file), "--file holds the claimed labels"),
    ):
        if is_ignored:
            command_line.refuse_typed(names, because)


def _predict(
    samples: "Callable[[], Iterator[examples.CaptionedImage]]",
) -> None:
    values = absl_flags.FLAGS
    stream = samples()
    first = list(itertools.islice(stream, 1))  # told before the model loads
    loaded = predictor.load_predictor(
        workdir=values.workdir,
        export_dir=values.export_dir,
        encoder=values.encoder,
    )
    answer = loaded.verify if values.verify else loaded.predict
    for found in answer(
        itertools.chain(first, stream), batch_size=values.batch_size
    ):
        sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
        sys.stdout.flush()


def _typed_sample() -> "Iterator[examples.CaptionedImage]":
    from text2image.corpora import examples

    values = absl_flags.FLAGS
    image = values.image
    yield examples.make_captioned_image(
        pathlib.Path("command line"),
        1,
        key=image or "1",
        texts={"title": values.title, "description": values.description},
        label=values.label or _UNKNOWN,
        source="",
        read_image=pathlib.Path(image).read_bytes if image else bytes,
    )


def _samples_of_file() -> "Iterator[examples.CaptionedImage]":
    from text2image.corpora import captioned_images

    values = absl_flags.FLAGS
    keys = captioned_images.Keys(
        values.image_key,
        values.title_key,
        values.description_key,
        values.label_key,
    )
    return captioned_images.read_file(
        pathlib.Path(values.file), keys, labelled=values.verify
    )


def _define_flags() -> None:
    for name, default, text in (
        ("workdir", None, "Directory of a finished run."),
        ("export_dir", None, "Or an export: needs none of the run's files."),
        ("encoder", None, "The run's encoder, if no longer where it was."),
        ("file", None, "Samples: a .csv, .tsv or .jsonl file."),
        ("image", None, "Or one sample's picture; may be left out."),
        ("title", None, "Its title; may be left out."),
        ("description", None, "Its description; may be left out."),
        ("label", None, "Its claimed label, for --verify."),
        ("image_key", "image", "Column of the picture's path."),
        ("title_key", "title", "Column of the title."),
        ("description_key", "description", "Column of the description."),
        ("label_key", "label", "Column of the claimed label, for --verify."),
    ):
        absl_flags.DEFINE_string(name, default, text)
    absl_flags.DEFINE_boolean(
        "verify",
        False,
        "Say whether the claimed label agrees with the model, with the "
        "probabilities and what each modality alone says.",
    )
    absl_flags.DEFINE_integer(
        "batch_size", 32, "Samples computed at a time.", lower_bound=1
    )


if __name__ == "__main__":
    command_line.prepare_process()
    _define_flags()
    app.run(main)
