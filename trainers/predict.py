"""Labels for texts on the command line, from a run or from an export.

    python -m trainers.predict --workdir=RUN "a gripping film" "dull"
    python -m trainers.predict --export_dir=DIR --file=reviews.csv

The answers go to standard output one by one, in the order of the texts.
"""

import itertools
import pathlib
import sys
import typing
from collections.abc import Callable, Iterable, Iterator

from absl import app, logging
from absl import flags as absl_flags

from text2image.corpora import row_files, unlabelled
from tfrecords import command_line
from trainers.serving import formats

if typing.TYPE_CHECKING:
    import numpy as np

Function = Callable[[list[str]], dict[str, "np.ndarray"]]


class Predictor:
    """Answers texts with a loaded model."""

    def __init__(
        self,
        classify: Function,
        render: Function,
        label_names: tuple[str, ...],
    ) -> None:
        """Keeps the model's two functions and its class names."""
        self.label_names = label_names
        self._classify = classify
        self._render = render

    def predict(
        self,
        stream: Iterable[unlabelled.Text],
        *,
        batch_size: int = 32,
        image_dir: pathlib.Path | None = None,
    ) -> Iterator[formats.Answer]:
        """Answers a stream, in its order.

        Args:
            stream: The texts.
            batch_size: Texts read before they are answered.
            image_dir: Where to save each text's picture, `<id>.png`.
        """
        waiting = iter(stream)
        while batch := list(itertools.islice(waiting, batch_size)):
            if image_dir is not None:
                self._save_images(batch, image_dir)
            yield from self._answer(batch)

    def _answer(self, batch: list[unlabelled.Text]) -> Iterator[formats.Answer]:
        result = self._classify([item.text for item in batch])
        for item, label, score, row in zip(
            batch,
            result["label"],
            result["score"],
            result["probabilities"],
            strict=True,
        ):
            yield formats.Answer(
                item.id,
                item.text,
                label.decode("utf-8"),
                float(score),
                tuple(row.tolist()),
            )

    def _save_images(
        self, batch: list[unlabelled.Text], image_dir: pathlib.Path
    ) -> None:
        images = self._render([item.text for item in batch])["image"]
        for item, image in zip(batch, images, strict=True):
            formats.save_picture(image_dir / f"{item.id:06d}.png", image)


def load_predictor(
    *,
    workdir: str | None = None,
    export_dir: str | None = None,
    encoder: str | None = None,
) -> Predictor:
    """Loads a model for texts.

    Args:
        workdir: A finished run; or
        export_dir: an export, or the directory of its versions, of which the
            newest is taken.
        encoder: Where a run's encoder is now, if not where it was.
    """
    if export_dir:
        from trainers.serving import exported

        functions, label_names = exported.load_functions(
            pathlib.Path(export_dir)
        )
    else:
        from trainers.runs import loading
        from trainers.serving import text_classifier

        run = loading.load_run(workdir or "")
        functions = text_classifier.load_classifier(run, encoder).signatures
        label_names = run.origin.label_names
    return Predictor(
        _callable(functions["serving_default"]),
        _callable(functions["render"]),
        label_names,
    )


def _callable(function: Callable[..., dict]) -> Function:
    import tensorflow as tf

    def call(batch: list[str]) -> dict[str, "np.ndarray"]:
        # Lone surrogates become bytes that the tokeniser drops.
        encoded = [text.encode("utf-8", "surrogatepass") for text in batch]
        result = function(text=tf.constant(encoded))
        return {name: value.numpy() for name, value in result.items()}

    return call


def main(arguments: list[str]) -> None:
    """Answers the texts of the command line or of a file."""
    values = absl_flags.FLAGS
    if bool(values.workdir) == bool(values.export_dir):
        raise app.UsageError("Expected either --workdir or --export_dir.")
    if bool(values.file) == (len(arguments) > 1):
        raise app.UsageError('Expected either texts ("...") or --file=PATH.')
    _refuse_ignored_flags()
    with formats.ending_as_shells_expect():
        _predict(arguments[1:])


def _refuse_ignored_flags() -> None:
    """Refuses typed flags that another one leaves without effect."""
    values = absl_flags.FLAGS
    has_columns = (values.file or "").endswith(row_files.SUFFIXES)
    for name, is_ignored, because in (
        ("encoder", bool(values.export_dir), "an export holds its encoder"),
        ("text_key", not has_columns, "only .csv, .tsv and .jsonl have keys"),
    ):
        if is_ignored and values[name].present:
            raise app.UsageError(f"--{name} would have no effect: {because}.")


def _predict(typed: list[str]) -> None:
    import tqdm

    values = absl_flags.FLAGS
    if values.file:
        stream = unlabelled.read_texts(values.file, text_key=values.text_key)
    else:
        stream = itertools.starmap(unlabelled.Text, enumerate(typed, start=1))
    # A wrong file is told before the model is loaded.
    first = list(itertools.islice(stream, 1))
    if not first:
        logging.warning("no texts in %s", values.file)
    image_dir = None
    if values.image_dir:
        image_dir = pathlib.Path(values.image_dir)
        image_dir.mkdir(parents=True, exist_ok=True)
    predictor = load_predictor(
        workdir=values.workdir,
        export_dir=values.export_dir,
        encoder=values.encoder,
    )
    found = predictor.predict(
        itertools.chain(first, stream),
        batch_size=values.batch_size,
        image_dir=image_dir,
    )
    if not sys.stdout.isatty():  # there the answers show how far it is
        found = tqdm.tqdm(found, unit=" texts", mininterval=0.5)
    for line in formats.FORMATS[values.format](found, predictor.label_names):
        sys.stdout.write(line)
        sys.stdout.flush()


def _define_flags() -> None:
    for name, default, text in (
        ("workdir", None, "Directory of a finished run."),
        ("export_dir", None, "Or an export: needs none of the run's files."),
        (
            "encoder",
            None,
            "The run's encoder, if it is no longer where it was.",
        ),
        (
            "file",
            None,
            "Texts: .csv, .tsv, .jsonl, .txt (a text a line), or - for "
            "standard input (a text a line).",
        ),
        ("text_key", "text", "Column or key of the text."),
        ("image_dir", None, "Save each text's picture here, as <id>.png."),
    ):
        absl_flags.DEFINE_string(name, default, text)
    absl_flags.DEFINE_integer(
        "batch_size",
        32,
        "Texts read before they are answered; 1 answers each as it comes.",
        lower_bound=1,
    )
    absl_flags.DEFINE_enum(
        "format", "table", list(formats.FORMATS), "Of the answers."
    )


if __name__ == "__main__":
    command_line.prepare_process()
    _define_flags()
    app.run(main)
