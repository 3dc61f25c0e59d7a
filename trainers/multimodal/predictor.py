"""A loaded model that labels images with texts, and judges claimed labels."""

import itertools
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from text2image.corpora import labels
from text2image.corpora.examples import CAPTIONS, CaptionedImage
from tfrecords import jpeg, schema
from trainers.multimodal import claims, classifier, loading
from trainers.serving import functions, saved_model


class Predictor:
    """Labels samples with a loaded model.

    Attributes:
        label_names: Class names in label order.
        modalities: Modalities that the model sees.
        text_fields: Texts of a sample that its functions take.
    """

    def __init__(
        self,
        signatures: dict[str, Callable],
        label_names: tuple[str, ...],
        modalities: tuple[str, ...],
        provenance: Mapping[str, Any],
        text_fields: tuple[str, ...] = CAPTIONS,
    ) -> None:
        """Keeps a multimodal classifier's functions and its names.

        `provenance` of its records says which labels its classes are made of.
        """
        self.label_names = label_names
        self.modalities = modalities
        self.text_fields = text_fields
        self._provenance = provenance
        self._functions = {
            name: functions.on_strings(function)
            for name, function in signatures.items()
        }

    def predict(
        self,
        samples: Iterable[CaptionedImage],
        *,
        batch_size: int = 32,
        top: int = 5,
    ) -> Iterator[dict[str, Any]]:
        """Labels samples, or suggests tags for them (5.2).

        Args:
            samples: A stream of samples.
            batch_size: Number of samples computed at a time.
            top: Number of classes listed; all of them if there are fewer.

        Yields:
            `id`, `label` and `score` of the most probable class, and `top5`
            (with another `top`, `top3` and so on): the most probable classes
            with their probabilities, in falling order.

        Raises:
            FileNotFoundError: If an image is missing.
            ValueError: If an image cannot be decoded.
        """
        for sample, _, outputs in self._outputs(
            "serving_default", samples, batch_size
        ):
            probabilities = outputs["probabilities"]
            best = np.argsort(-probabilities, kind="stable")[:top]
            yield {
                "id": sample.id,
                "label": outputs["label"].decode(),
                "score": float(outputs["score"]),
                f"top{top}": {
                    self.label_names[label]: float(probabilities[label])
                    for label in best
                },
            }

    def verify(
        self, samples: Iterable[CaptionedImage], *, batch_size: int = 32
    ) -> Iterator[dict[str, Any]]:
        """Says whether the model agrees with each sample's label (5.2).

        Args:
            samples: A stream of samples with claimed labels.
            batch_size: Number of samples computed at a time.

        Yields:
            `id`, `claimed` (the class of the claimed label, which is mapped
            as the labels of the records were), `agrees` (it is the most
            probable one), `label` and `score` (of the most probable class),
            `probability` (of the claimed class) and `towers`: the same for
            each modality that the sample has, with the others removed.

        Raises:
            FileNotFoundError: If an image is missing.
            ValueError: If an image cannot be decoded, or the model has no
                class with the claimed label.
        """
        for sample, has_image, outputs in self._outputs(
            "opinions", samples, batch_size
        ):
            label = sample.label or ""
            name = claims.class_of(label, self.label_names, self._provenance)
            if name is None:
                raise ValueError(
                    f"{sample.place}: the claimed label must be one of the "
                    f"model's {len(self.label_names)} classes "
                    f"({labels.listed(self.label_names)}). Received: "
                    f"{labels.shown(label)}"
                )
            claimed = self.label_names.index(name)
            yield {
                "id": sample.id,
                "claimed": name,
                **self._opinion(outputs["probabilities"], claimed),
                "towers": {
                    name: self._opinion(probabilities, claimed)
                    for name, probabilities in zip(
                        self.modalities, outputs["towers"], strict=True
                    )
                    if (
                        has_image
                        if name == "image"
                        else sample.texts.get(name, "")
                    )
                },
            }

    def embed(
        self, samples: Iterable[CaptionedImage], *, batch_size: int = 32
    ) -> Iterator[tuple[CaptionedImage, np.ndarray]]:
        """Yields each sample with its joint vector `(D,)`.

        Its part is 0 of a modality that is missing. Raises as `predict`.
        """
        for sample, _, outputs in self._outputs("embed", samples, batch_size):
            parts = [outputs[name] for name in self.modalities]
            yield sample, np.concatenate(parts)

    def _opinion(
        self, probabilities: np.ndarray, claimed: int
    ) -> dict[str, Any]:
        best = int(probabilities.argmax())
        return {
            "agrees": best == claimed,
            "label": self.label_names[best],
            "score": float(probabilities[best]),
            "probability": float(probabilities[claimed]),
        }

    def _outputs(
        self, name: str, samples: Iterable[CaptionedImage], batch_size: int
    ) -> Iterator[tuple[CaptionedImage, bool, dict[str, Any]]]:
        """Each sample, whether it has an image, and a function's outputs."""
        stream = iter(samples)
        while batch := list(itertools.islice(stream, batch_size)):
            images = [read_image(sample) for sample in batch]
            outputs = self._functions[name](
                image=images,
                **{
                    name: [s.texts.get(name, "").encode() for s in batch]
                    for name in self.text_fields
                },
            )
            for index, sample in enumerate(batch):
                row = {key: value[index] for key, value in outputs.items()}
                yield sample, bool(images[index]), row


def load_predictor(
    *,
    workdir: str | None = None,
    export_dir: str | None = None,
    encoder: str | None = None,
) -> Predictor:
    """Loads a multimodal model.

    Args and raises as `trainers.serving.predictor.load_predictor`.
    """
    if export_dir:
        signatures, provenance = saved_model.load(pathlib.Path(export_dir))
        modalities = tuple(provenance.get("modalities", ()))
        if not modalities:
            raise ValueError(
                f"{export_dir} must be an export of a multimodal run. "
                "Received: one of texts alone. For texts use python -m "
                "trainers.predict"
            )
        return Predictor(
            signatures,
            tuple(provenance["label_names"]),
            modalities,
            provenance["records"],
            tuple(provenance.get("text_fields", CAPTIONS)),
        )
    return of_run(loading.load_run(workdir or ""), encoder)


def of_run(run: loading.Run, encoder: str | None = None) -> Predictor:
    """The model of a run; raises as `classifier.load_classifier`."""
    return Predictor(
        classifier.load_classifier(run, encoder).signatures,
        run.manifest.schema.label_names,
        run.config.towers,
        run.manifest.provenance,
        run.manifest.schema.text_fields,
    )


def fields_of(workdir: str, export_dir: str) -> tuple[str, ...]:
    """The texts that a model takes, without loading it.

    A model that is missing or damaged takes any; loading it says what is wrong.
    """
    try:
        if export_dir:
            provenance = saved_model.read_provenance(pathlib.Path(export_dir))
            return tuple(provenance.get("text_fields", CAPTIONS))
        manifest = schema.Manifest.load(pathlib.Path(workdir))
    except (OSError, ValueError, KeyError):
        return CAPTIONS
    return manifest.schema.text_fields


def read_image(sample: CaptionedImage) -> bytes:
    """The encoded image of a sample, empty or one that decodes, upright."""
    try:
        content = sample.read_image()
        return jpeg.upright(content) if content else content
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{sample.place}: no such image: {error.filename}"
        ) from error
    except OSError as error:
        raise OSError(
            f"{sample.place}: expected the path of an image file. Received: "
            f"{error.filename} ({error.strerror})"
        ) from error
    except ValueError as error:
        raise ValueError(f"{sample.place}: {error}") from error
