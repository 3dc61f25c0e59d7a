"""Runs as Keras models: from images to logits, or from strings to answers."""

import dataclasses
import pathlib
from typing import Any, Self, cast

import keras
import keras_hub
import tensorflow as tf

from text2image.bert import backbones
from text2image.bert.encoder import Encoder
from text2image.bert.long_texts import LongTexts
from text2image.bert.pooling import MODEL_BUILDERS
from text2image.bert.tokenizer import Tokenizer
from text2image.bert.wordpiece import AddedToken, SpecialTokens, WordPiece
from trainers.runs import loading
from trainers.serving.text_classifier import (
    Parts,
    TextClassifier,
    load_classifier,
)

_MODELS = ("backbone", "drawing", "classifier")


def load(
    workdir: pathlib.Path | str,
    *,
    strings: bool = False,
    encoder: str | None = None,
) -> keras.Model:
    """Loads a trained model.

    Args:
        workdir: Directory of a finished run.
        strings: Whether the model takes texts; by default it takes images.
        encoder: With `strings`, where the encoder is now, if not where it was.

    Returns:
        Images `(N, H, W, C)` float32 to logits `(N, K)`; or strings `(N,)` to
        probabilities `(N, K)`, those of `trainers.predict`. Its layer
        `text_classification` has the `label_names`.

    Raises:
        FileNotFoundError: If the run is not finished, or a file or the encoder
            is missing.
        ValueError: If files are damaged or do not belong together, or the run
            cannot take texts (`loading.obstacle`).
    """
    if not strings:
        return loading.load(workdir)
    parts = load_classifier(loading.load_run(workdir), encoder).parts
    bert = parts.encoder
    text = keras.Input((), dtype="string", name="text")
    layer = TextClassification(
        bert.backbone,
        parts.drawing,
        parts.model,
        wordpiece=bert.tokenizer.wordpiece,
        layers=bert.layers,
        pooling=bert.pooling,
        max_tokens=bert.max_tokens,
        long_texts=bert.long_texts.kind,
        clean=bert.clean,
        gelu=bert.gelu,
        label_names=parts.label_names,
        name="text_classification",
    )
    return keras.Model(text, layer(text), name="text_classifier")


@dataclasses.dataclass(frozen=True)
class _TextPart:
    """What `TextClassifier` uses of an `Encoder`."""

    model: keras.Model
    tokenizer: Tokenizer
    max_tokens: int
    stack_shape: tuple[int, int]
    long_texts: LongTexts


@keras.saving.register_keras_serializable(package="text2image")
class TextClassification(keras.layers.Layer):
    """`TextClassifier.serving_default` as a layer that Keras can save.

    Attributes:
        label_names: Class names in label order.
    """

    def __init__(
        self,
        backbone: keras_hub.models.BertBackbone,
        drawing: keras.Model,
        classifier: keras.Model,
        *,
        wordpiece: WordPiece,
        layers: list[int],
        pooling: str,
        max_tokens: int,
        gelu: str,
        label_names: tuple[str, ...],
        long_texts: str = "cut",
        clean: str = "none",
        epsilon: float | None = None,
        **kwargs: Any,
    ) -> None:
        """Puts the parts together.

        Args:
            backbone: BERT.
            drawing: Stacks to images.
            classifier: Images to logits `(N, K)`.
            wordpiece: The tokeniser.
            layers: Layers of a stack.
            pooling: One of `options.POOLINGS`.
            max_tokens: Most tokens per text.
            gelu: `exact` or `tanh`.
            label_names: Class names in label order.
            long_texts: One of `options.LONG_TEXTS`.
            clean: One of `options.CLEANINGS`.
            epsilon: Of BERT's layer norms; by default as the backbone has it.
            **kwargs: Arguments of `keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.supports_jit = False  # XLA has no strings
        self.backbone = backbone
        self.drawing = drawing
        self.classifier = classifier
        self.label_names = tuple(label_names)
        # Neither is in the config of a backbone.
        norm = backbone.get_layer("embeddings_layer_norm")
        epsilon = norm.epsilon if epsilon is None else epsilon
        backbones.set_gelu(backbone, gelu)
        backbones.set_epsilon(backbone, epsilon)
        self._settings = {
            "layers": list(layers),
            "pooling": pooling,
            "max_tokens": max_tokens,
            "long_texts": long_texts,
            "clean": clean,
            "gelu": gelu,
            "epsilon": epsilon,
            "wordpiece": dataclasses.asdict(wordpiece),
        }
        encoder = _TextPart(
            MODEL_BUILDERS[pooling](backbone, list(layers)),
            Tokenizer(wordpiece, long_texts, clean),
            max_tokens,
            (len(layers), backbone.hidden_dim),
            LongTexts(long_texts, max_tokens),
        )
        self._text_classifier = TextClassifier(
            Parts(cast(Encoder, encoder), drawing, classifier, self.label_names)
        )
        self.built = True

    def call(self, text: tf.Tensor) -> tf.Tensor:
        """Strings `(N,)` to probabilities `(N, K)` float32."""
        return self._text_classifier.serving_default(text)["probabilities"]

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Returns `(N, K)`."""
        return (input_shape[0], len(self.label_names))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        models = {
            name: keras.saving.serialize_keras_object(getattr(self, name))
            for name in _MODELS
        }
        return {
            **super().get_config(),
            **models,
            **self._settings,
            "label_names": list(self.label_names),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Builds the layer, without its weights."""
        models = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in _MODELS
        }
        stored = dict(config["wordpiece"])
        wordpiece = WordPiece(
            **{
                **stored,
                "normalizer": tuple(stored["normalizer"]),
                "added_tokens": tuple(
                    AddedToken(**token) for token in stored["added_tokens"]
                ),
                "special": SpecialTokens(**stored["special"]),
                "notes": tuple(stored["notes"]),
            }
        )
        return cls(**{**config, **models, "wordpiece": wordpiece})
