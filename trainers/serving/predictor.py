"""A loaded model that labels texts, from a run or from its export."""

import dataclasses
import itertools
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from text2image.bert.encoder import Encoder
from text2image.bert.long_texts import LongTexts
from text2image.corpora.unlabelled import Text
from tfrecords import system_errors
from tfrecords.stages import unknown_tokens
from trainers.serving import chosen, functions, saved_model, vote_classifier
from trainers.serving.formats import Prediction
from trainers.serving.text_classifier import TextClassifier


class Predictor:
    """Labels texts with a loaded model.

    Attributes:
        label_names: Class names in label order.
    """

    def __init__(
        self,
        signatures: dict[str, Callable],
        label_names: tuple[str, ...],
        encoder: Encoder | None = None,
    ) -> None:
        """Keeps a text classifier's functions and its class names.

        Args:
            signatures: The functions.
            label_names: Class names in label order.
            encoder: Counts the tokens that are unknown to it; an export has
                none.
        """
        self.label_names = label_names
        self._encoder = encoder
        self._classify = functions.on_strings(signatures["serving_default"])
        self._render = None
        if "render" in signatures:  # neither of votes nor of other choices
            self._render = functions.on_strings(signatures["render"])

    def predict(
        self,
        texts: Iterable[Text | str],
        *,
        batch_size: int = 32,
        image_dir: pathlib.Path | None = None,
    ) -> Iterator[Prediction]:
        """Labels a stream of texts, in its order.

        Args:
            texts: The stream; strings are numbered from 1.
            batch_size: Number of texts read before they are labelled.
            image_dir: Directory to save each text's image to, as `<id>.png`.
        """
        if isinstance(texts, str):
            raise TypeError(
                "`texts` must be several texts. Received: one string. Put it "
                "into a list: [text]"
            )
        if batch_size < 1:
            raise ValueError(
                f"`batch_size` must be at least 1. Received: {batch_size}"
            )
        stream = _numbered(texts)
        unknown = unknown_tokens.UnknownTokens()
        while batch := list(itertools.islice(stream, batch_size)):
            if image_dir is not None:
                self._save_images(batch, image_dir)
            if self._encoder is not None:
                unknown.add(self._encoder.tokenize(_encode(batch)))
            yield from self._predict_batch(batch)
        unknown_tokens.warn(unknown.share)

    def render(self, texts: list[Text]) -> np.ndarray:
        """Draws texts as the images `(N, H, W, C)` that the model sees.

        Raises:
            ValueError: If the model sees none, or several.
        """
        if self._render is None:
            raise ValueError(
                "Texts are drawn by a run of the image route with one map. "
                "Received: a vote of several, or what --preset=best chose "
                "instead. Omit --image_dir, or name a run inside this one."
            )
        return self._render(text=_encode(texts))["image"]

    def _predict_batch(self, batch: list[Text]) -> Iterator[Prediction]:
        outputs = self._classify(text=_encode(batch))
        # Not from runs and exports of earlier versions.
        novelty = outputs.get("novelty")
        for row, text in enumerate(batch):
            yield Prediction(
                text.id,
                text.text,
                outputs["label"][row].decode("utf-8"),
                float(outputs["score"][row]),
                tuple(outputs["probabilities"][row].tolist()),
                None if novelty is None else float(novelty[row]),
            )

    def _save_images(self, batch: list[Text], image_dir: pathlib.Path) -> None:
        for text, image in zip(batch, self.render(batch), strict=True):
            pixels = np.round(255 * np.clip(image, 0, 1)).astype(np.uint8)
            path = image_dir / f"{text.id:06d}.png"
            content = tf.io.encode_png(pixels).numpy()
            with system_errors.while_writing(path, len(content)):
                path.write_bytes(content)


def load_predictor(
    *,
    workdir: str | None = None,
    export_dir: str | None = None,
    encoder: str | None = None,
) -> Predictor:
    """Loads a model of texts.

    Args:
        workdir: Directory of a finished run; or
        export_dir: an export, or the directory of its versions, of which the
            newest is taken.
        encoder: Where a run's encoder is now, if not where it was.

    Raises:
        FileNotFoundError: If the run, the export or the encoder is missing.
        ValueError: If not one of the two is named, files are damaged or do
            not belong together, or the model does not take texts alone.
        RuntimeError: If an export's graph holds an op that is not allowed.
    """
    served = load_served(workdir, export_dir, encoder)
    return Predictor(served.signatures, served.label_names, served.encoder)


@dataclasses.dataclass(frozen=True)
class Served:
    """A model of texts, from a run or from its export.

    Attributes:
        signatures: Its functions.
        label_names: Class names in label order.
        layers: The encoder's layers in a stack.
        encoder: The encoder; an export has none.
        long_texts: What the encoder sees of a long text.
        clean: What is taken out of texts, one of `options.CLEANINGS`.
    """

    signatures: dict[str, Callable]
    label_names: tuple[str, ...]
    layers: tuple[int, ...] = ()
    encoder: Encoder | None = None
    long_texts: LongTexts = dataclasses.field(default_factory=LongTexts)
    clean: str = "none"


def load_served(
    workdir: str | None, export_dir: str | None, encoder: str | None
) -> Served:
    """Loads a model of texts; takes and raises as `load_predictor`."""
    if bool(workdir) == bool(export_dir):
        raise ValueError(
            "Expected either `workdir` or `export_dir`. Received: "
            f"{workdir!r} and {export_dir!r}."
        )
    if export_dir:
        signatures, provenance = saved_model.load(pathlib.Path(export_dir))
        # Exports of the first versions have no `tokenize`, votes no `render`.
        reads_texts = {"render", "tokenize"} & signatures.keys()
        if "tokens" in signatures and not reads_texts:
            raise ValueError(
                f"{export_dir} must be an export that takes texts. Received: "
                "its core, which takes token ids. Name the same version "
                "outside the folder `core`."
            )
        if not reads_texts and chosen.MEMBERS not in provenance:
            raise ValueError(
                f"{export_dir} must be an export of a run of texts. Received: "
                f"one with the signatures {sorted(signatures)}. For images "
                "with texts use python -m trainers.multimodal.predict"
            )
        return Served(
            signatures,
            tuple(provenance["label_names"]),
            tuple(provenance["encoder"].get("layers", ())),
            long_texts=_long_texts(provenance["encoder"]),
            clean=provenance["encoder"].get("clean", "none"),
        )
    directory = pathlib.Path(str(workdir))
    if chosen.is_chosen(directory):
        metrics = chosen.read_metrics(directory)
        if not chosen.has_images_alone(metrics):
            return of_classifier(chosen.load(directory, encoder))
        directory /= chosen.IMAGES
    classifier, _ = vote_classifier.load(directory, encoder)
    return of_classifier(classifier)


def of_classifier(
    classifier: TextClassifier | chosen.ChosenClassifier,
) -> Served:
    """Returns a loaded model of texts as it is served."""
    served = Served(classifier.signatures, classifier.label_names)
    bert = classifier.encoder
    if bert is None:
        return served
    return dataclasses.replace(
        served,
        layers=tuple(bert.layers),
        encoder=bert,
        long_texts=bert.long_texts,
        clean=bert.clean,
    )


def _long_texts(encoder: Mapping[str, Any]) -> LongTexts:
    # Exports of earlier versions do not say: there was no choice.
    kind = encoder.get("long_texts", "cut")
    return LongTexts(kind, encoder.get("max_tokens", 0))


def _numbered(texts: Iterable[Text | str]) -> Iterator[Text]:
    for number, text in enumerate(texts, start=1):
        if isinstance(text, str):
            yield Text(number, text)
        elif isinstance(text, Text):
            yield text
        else:
            raise TypeError(
                f"`texts` must be strings. Received: {text!r}, number {number}."
            )


def _encode(texts: list[Text]) -> list[bytes]:
    return [functions.encode(text.text) for text in texts]
