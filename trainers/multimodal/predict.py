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
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from absl import app
from absl import flags as absl_flags

from tfrecords import flags
from trainers import answers

if typing.TYPE_CHECKING:
    import numpy as np

    from text2image import sample

Function = Callable[..., dict[str, "np.ndarray"]]
_UNKNOWN = "?"  # the label of a sample that claims none


class Predictor:
    """Answers samples with a loaded model.

    Attributes:
        label_names: Class names in label order.
        modalities: What the model sees.
    """

    def __init__(
        self,
        functions: dict[str, Function],
        label_names: tuple[str, ...],
        modalities: tuple[str, ...],
    ) -> None:
        """Keeps the model's functions and names."""
        self.label_names = label_names
        self.modalities = modalities
        self._functions = functions

    def predict(
        self, samples: "Iterable[sample.Sample]", *, batch_size: int = 32
    ) -> Iterator[dict[str, Any]]:
        """Label, score and the five likeliest classes of each sample."""
        for item, _, row in self._rows("serving_default", samples, batch_size):
            labels = [label.decode() for label in row["top5_labels"]]
            scores = [float(score) for score in row["top5_scores"]]
            yield {
                "id": item.id,
                "label": row["label"].decode(),
                "score": float(row["score"]),
                "top5": dict(zip(labels, scores, strict=True)),
            }

    def verify(
        self, samples: "Iterable[sample.Sample]", *, batch_size: int = 32
    ) -> Iterator[dict[str, Any]]:
        """Whether the model agrees with each sample's label (5.2).

        Yields:
            `claimed`, `agrees` (it is the likeliest class), `label` and
            `score` (of the likeliest), `probability` (of the claimed one) and
            `towers`: the same of each modality that the sample has, with the
            others taken away.

        Raises:
            ValueError: If a claimed label is none of the model's.
        """
        for item, has_image, row in self._rows("opinions", samples, batch_size):
            if item.label not in self.label_names:
                raise ValueError(
                    f"{item.place}: the claimed label must be one of the "
                    f"model's {len(self.label_names)} classes "
                    f"({', '.join(self.label_names[:8])}, ...). Received: "
                    f"{item.label!r}"
                )
            claimed = self.label_names.index(item.label)
            opinion = self._opinion(row["probabilities"], claimed)
            towers = {
                name: self._opinion(probabilities, claimed)
                for name, probabilities in zip(
                    self.modalities, row["towers"], strict=True
                )
                if (has_image if name == "image" else getattr(item, name))
            }
            yield {
                "id": item.id,
                "claimed": item.label,
                **opinion,
                "towers": towers,
            }

    def _opinion(
        self, probabilities: "np.ndarray", claimed: int
    ) -> dict[str, Any]:
        best = int(probabilities.argmax())
        return {
            "agrees": best == claimed,
            "label": self.label_names[best],
            "score": float(probabilities[best]),
            "probability": float(probabilities[claimed]),
        }

    def _rows(
        self,
        name: str,
        samples: "Iterable[sample.Sample]",
        batch_size: int,
    ) -> "Iterator[tuple[sample.Sample, bool, dict[str, Any]]]":
        """Each sample, whether it has a picture, and the model's answer."""
        waiting = iter(samples)
        while batch := list(itertools.islice(waiting, batch_size)):
            pictures = [_content(item) for item in batch]
            result = self._functions[name](
                image=pictures,
                title=[item.title.encode() for item in batch],
                description=[item.description.encode() for item in batch],
            )
            for place, item in enumerate(batch):
                row = {key: result[key][place] for key in result}
                yield item, bool(pictures[place]), row


def _content(item: "sample.Sample") -> bytes:
    from tfrecords import images

    try:
        content = item.read_image()
        if content:
            images.decode(content)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{item.place}: no such picture: {error.filename}"
        ) from error
    except ValueError as error:
        raise ValueError(f"{item.place}: {error}") from error
    return content


def load_predictor(
    *,
    workdir: str | None = None,
    export_dir: str | None = None,
    encoder: str | None = None,
) -> Predictor:
    """Loads a model, as `trainers.predict.load_predictor` does."""
    import tensorflow as tf

    if export_dir:
        from trainers import exported

        functions, provenance = exported.load_with_provenance(
            pathlib.Path(export_dir)
        )
        names = tuple(provenance["label_names"])
        modalities = tuple(provenance.get("modalities", ()))
        if not modalities:
            raise ValueError(
                f"{export_dir} is an export of texts alone: use python -m "
                "trainers.predict"
            )
    else:
        from trainers.multimodal import classifier, loading

        run = loading.load_run(workdir or "")
        functions = classifier.load_classifier(run, encoder).signatures
        names, modalities = run.manifest.schema.label_names, run.config.towers

    def callable_of(function: Callable[..., dict]) -> Function:
        def call(**strings: list[bytes]) -> dict[str, "np.ndarray"]:
            tensors = {k: tf.constant(v) for k, v in strings.items()}
            result = function(**tensors)
            return {name: value.numpy() for name, value in result.items()}

        return call

    made = {name: callable_of(value) for name, value in functions.items()}
    return Predictor(made, names, modalities)


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
    with answers.ending_as_shells_expect():
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
            flags.refuse_typed(names, because)


def _predict(samples: "Callable[[], Iterator[sample.Sample]]") -> None:
    values = absl_flags.FLAGS
    stream = samples()
    first = list(itertools.islice(stream, 1))  # told before the model loads
    predictor = load_predictor(
        workdir=values.workdir,
        export_dir=values.export_dir,
        encoder=values.encoder,
    )
    answer = predictor.verify if values.verify else predictor.predict
    for found in answer(
        itertools.chain(first, stream), batch_size=values.batch_size
    ):
        sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
        sys.stdout.flush()


def _typed_sample() -> "Iterator[sample.Sample]":
    from text2image import sample

    values = absl_flags.FLAGS
    image = values.image
    yield sample.make_sample(
        pathlib.Path("command line"),
        1,
        key=image or "1",
        texts={"title": values.title, "description": values.description},
        label=values.label or _UNKNOWN,
        source="",
        read_image=pathlib.Path(image).read_bytes if image else bytes,
    )


def _samples_of_file() -> "Iterator[sample.Sample]":
    from text2image import samples

    values = absl_flags.FLAGS
    keys = samples.Keys(
        values.image_key,
        values.title_key,
        values.description_key,
        values.label_key,
    )
    return samples.read_file(
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
    flags.prepare_process()
    _define_flags()
    app.run(main)
