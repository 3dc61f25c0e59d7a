"""A loaded model that answers pictures with texts, and judges claims."""

import itertools
import pathlib
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import Any

if typing.TYPE_CHECKING:
    import numpy as np

    from text2image.corpora import examples

Function = Callable[..., dict[str, "np.ndarray"]]


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
        self,
        samples: "Iterable[examples.CaptionedImage]",
        *,
        batch_size: int = 32,
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
        self,
        samples: "Iterable[examples.CaptionedImage]",
        *,
        batch_size: int = 32,
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
        samples: "Iterable[examples.CaptionedImage]",
        batch_size: int,
    ) -> "Iterator[tuple[examples.CaptionedImage, bool, dict[str, Any]]]":
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


def _content(item: "examples.CaptionedImage") -> bytes:
    from tfrecords import jpeg

    try:
        content = item.read_image()
        if content:
            jpeg.decode(content)
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
        from trainers.serving import exported

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
