"""The classifier that `--preset=best` chose: strings to labels.

TF-IDF, logistic regression on stacks, or a blend of these and the image route.
Without TF-IDF it is a `TextClassifier` whose images are the stacks themselves.
If the image route alone was chosen, its own run is served.
"""

import pathlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import safetensors.numpy
import tensorflow as tf

from text2image.bert.encoder import Encoder
from text2image.deepinsight.keras_layers import build_drawing
from text2image.deepinsight.pixel_map import PixelMap
from trainers.runs import finished, json_files, loading
from trainers.runs.file_list import FileList
from trainers.runs.workdir import METRICS_FILE, MODEL_FILE, MODEL_SHA256
from trainers.serving.functions import (
    Tensors,
    graph,
    load_encoder,
    once_each,
)
from trainers.serving.grouping import Grouping, choose
from trainers.serving.saved_model_files import Request
from trainers.serving.term_classifier import TermClassifier, TermWeights
from trainers.serving.text_classifier import Parts, TextClassifier

IMAGES = "images"  # also the folder of the image route's run
STACKS = "stacks"
TERMS = "tfidf"
# Keys of metrics.json: the name of the choice, by which such a run is known,
# and member to its weight.
CHOSEN = "chosen"
MEMBERS = "members"
# Log-probability of a member: one that is sure and wrong must not outvote all
# others.
LEAST_LOG = -30.0
_LEAST = 1e-37  # probability
_TEXT = b"A warm and funny film, and the ending is great."
_WARM_UP = (1, 8, 32)  # texts
_CURE = "Restore it, or run the same command again in a new --workdir."


class ChosenClassifier(tf.Module):
    """A blend of TF-IDF and a model of stacks, or one of the two.

    Attributes:
        constants: Every variable that the functions read.
        encoder: The encoder; `None` if only terms are read.
        label_names: Class names in label order.
    """

    def __init__(
        self,
        label_names: tuple[str, ...],
        terms: TermClassifier | None,
        terms_weight: float,
        texts: TextClassifier | None,
    ) -> None:
        """Builds the functions.

        Args:
            label_names: Class names in label order.
            terms: TF-IDF, if it is a member.
            terms_weight: Its weight.
            texts: The model of stacks, if there is one.
        """
        super().__init__(name="chosen_classifier")
        self._terms, self._texts = terms, texts
        self._weight = terms_weight
        self.label_names = label_names
        self.encoder = None if texts is None else texts.encoder
        self.constants = [
            *(() if terms is None else terms.constants),
            *(() if texts is None else texts.constants),
        ]
        text = tf.TensorSpec([None], tf.string, name="text")
        self._serving_default = graph(once_each(self._classify), text)

    @property
    def signatures(self) -> dict[str, tf.types.experimental.GenericFunction]:
        """The functions by the names they are served under.

        `serving_default`: `text` (N,) string to `label` (N,) string, `score`
        (N,) and `probabilities` (N, K) float32. With an encoder also `embed`
        and `tokenize`, and without TF-IDF `tokens`, all as of
        `TextClassifier`.
        """
        if self._texts is None:
            return {"serving_default": self._serving_default}
        given = self._texts.signatures
        if self._terms is None:
            names = ("serving_default", "tokens", "embed", "tokenize")
            return {name: given[name] for name in names}
        return {
            "serving_default": self._serving_default,
            "embed": given["embed"],
            "tokenize": given["tokenize"],
        }

    @property
    def grouping(self) -> Grouping | None:
        """The shapes in which texts are encoded, if not one by one."""
        return None if self._texts is None else self._texts.grouping

    def requests(self) -> list[Request]:
        """Warm-up requests."""
        return [
            ("serving_default", {"text": np.array([_TEXT] * rows, object)})
            for rows in _WARM_UP
        ]

    def _classify(self, text: tf.Tensor) -> Tensors:
        logits: Any = 0.0
        if self._terms is not None:
            own = tf.nn.log_softmax(self._terms.logits(text))
            logits += self._weight * tf.maximum(own, LEAST_LOG)
        if self._texts is not None:
            by_stacks = self._texts.serving_default(text)["probabilities"]
            logits += tf.math.log(tf.maximum(by_stacks, _LEAST))
        probabilities = tf.nn.softmax(logits)
        return {
            "label": tf.gather(
                tf.constant(self.label_names),
                tf.argmax(probabilities, axis=-1),
            ),
            "score": tf.reduce_max(probabilities, axis=-1),
            "probabilities": probabilities,
        }


def stack_model(
    shape: tuple[int, int],
    members: Mapping[str, float],
    kernel: np.ndarray | None,
    bias: np.ndarray | None,
    route: tuple[keras.Model, keras.Model] | None,
) -> keras.Model:
    """Builds the part of a blend that reads stacks.

    Args:
        shape: (L, D).
        members: Member to its weight.
        kernel: `(L * D, K)` of logistic regression, if it is a member.
        bias: `(K,)` likewise.
        route: Stacks to images, and images to logits, if they are a member.

    Returns:
        Stacks `(N, L, D)` to `(N, K)`, whose softmax is the blend.
    """
    stack = keras.Input(shape, name="stack")
    parts = []
    if kernel is not None:
        layer = keras.layers.Dense(kernel.shape[1], name="stack_logits")
        logits = layer(keras.layers.Flatten(name="flat_stack")(stack))
        layer.set_weights([kernel, bias])
        parts.append((members[STACKS], logits))
    if route is not None:
        drawing, model = route
        parts.append((members[IMAGES], model(drawing(stack))))
    weighted = [
        weight
        * keras.ops.maximum(keras.ops.log_softmax(logits, axis=-1), LEAST_LOG)
        for weight, logits in parts
    ]
    return keras.Model(stack, sum(weighted[1:], weighted[0]), name="of_stacks")


def classifier_of_stacks(
    encoder: Encoder,
    model: keras.Model,
    label_names: tuple[str, ...],
    *,
    is_grouped: bool = False,
) -> TextClassifier:
    """Puts an encoder in front of a model of stacks."""
    stack = keras.Input(encoder.stack_shape, name="stack")
    unchanged = keras.layers.Identity(name="unchanged")(stack)
    return TextClassifier(
        Parts(encoder, keras.Model(stack, unchanged), model, label_names),
        choose(encoder.max_tokens) if is_grouped else None,
    )


def is_chosen(workdir: pathlib.Path) -> bool:
    """Whether a directory is of a finished run with `--preset=best`."""
    path = workdir / METRICS_FILE
    return path.is_file() and CHOSEN in json_files.read(path, cure=_CURE)


def read_metrics(workdir: pathlib.Path) -> dict[str, Any]:
    """Reads metrics.json of such a run.

    Raises:
        ValueError: If it is damaged.
    """
    for name, fault in FileList.of_run(workdir).faults((METRICS_FILE,)).items():
        raise ValueError(f"{workdir / name} is damaged: {fault}. {_CURE}")
    return json_files.read(
        workdir / METRICS_FILE,
        (MEMBERS, MODEL_SHA256, "label_names", "encoder"),
        cure=_CURE,
    )


def has_images_alone(metrics: Mapping[str, Any]) -> bool:
    """Whether the image route alone was chosen."""
    return list(metrics[MEMBERS]) == [IMAGES]


def load(
    workdir: pathlib.Path,
    encoder_source: str | None = None,
    *,
    is_grouped: bool = False,
) -> ChosenClassifier:
    """Loads what was chosen, unless that is the image route alone.

    Args:
        workdir: Directory of a finished run.
        encoder_source: Where the encoder is now, if not where it was.
        is_grouped: Whether texts are encoded in a few fixed shapes.

    Raises:
        FileNotFoundError: If a file or the encoder is missing.
        ValueError: If a file is damaged or another encoder is there.
    """
    metrics = read_metrics(workdir)
    finished.check_model(workdir, metrics)
    arrays = safetensors.numpy.load_file(workdir / MODEL_FILE)
    members = metrics[MEMBERS]
    label_names = tuple(metrics["label_names"])
    terms = None
    if TERMS in members:
        terms = TermClassifier(
            TermWeights(
                kinds=tuple(metrics["terms"]["kinds"]),
                sizes=tuple(metrics["terms"]["sizes"]),
                **{
                    name: arrays[f"{TERMS}/{name}"]
                    for name in ("vocabulary", "idf", "kernel", "bias")
                },
            )
        )
    texts = None
    if set(members) - {TERMS}:
        encoder = load_encoder(metrics["encoder"], encoder_source)
        route = None
        if IMAGES in members:
            run = loading.load_run(workdir / IMAGES)
            drawing = build_drawing(
                PixelMap.load(run.workdir), encoder.stack_shape
            )
            route = drawing, run.model
        model = stack_model(
            encoder.stack_shape,
            members,
            arrays.get(f"{STACKS}/kernel"),
            arrays.get(f"{STACKS}/bias"),
            route,
        )
        texts = classifier_of_stacks(
            encoder, model, label_names, is_grouped=is_grouped
        )
    return ChosenClassifier(label_names, terms, members.get(TERMS, 0.0), texts)
