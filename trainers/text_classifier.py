"""From a string to a label as TensorFlow functions: what is served.

text -> ids -> [CLS] stack -> picture -> logits -> probabilities, all inside
the graph, so that training and serving cannot differ.
"""

import dataclasses
import pathlib

import keras
import tensorflow as tf

from text2image import checkpoint, encoder, layers, pixel_map
from trainers import loading, origin
from trainers.config import TrainConfig

Tensors = dict[str, tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Parts:
    """What a text passes through; no part depends on another text.

    Attributes:
        encoder: Texts to stacks `(N, L, D)`.
        drawing: Stacks to pictures `(N, H, W, C)`.
        model: Pictures to logits `(N, K)`.
        label_names: Class names in label order.
    """

    encoder: encoder.Encoder
    drawing: keras.Model
    model: keras.Model
    label_names: tuple[str, ...]


class TextClassifier(tf.Module):
    """The whole model; every attribute below is a `tf.function`.

    Attributes:
        serving_default: `text` (N,) string to `label` (N,) string, `score`
            (N,) and `probabilities` (N, K) float32.
        tokens: `ids` and `mask` (N, T) int32, padded, to the same. No text
            op: for clients that tokenise by themselves.
        images: `image` (N, H, W, C) float32 to `probabilities`.
        embed: `text` to `stack` (N, L, D) float32.
        render: `text` to `image` (N, H, W, C) float32.
    """

    def __init__(self, parts: Parts) -> None:
        """Makes the functions; nothing is traced until they are called."""
        super().__init__(name="text_classifier")
        self._parts = parts
        # A SavedModel keeps what it can reach: the variables, not the layers.
        self.constants = [
            variable.value
            for model in (parts.encoder.model, parts.drawing, parts.model)
            for variable in model.variables
        ]
        text = tf.TensorSpec([None], tf.string, name="text")
        ids = tf.TensorSpec([None, None], tf.int32, name="ids")
        mask = tf.TensorSpec([None, None], tf.int32, name="mask")
        image = tf.TensorSpec(
            [None, *parts.model.input_shape[1:]], tf.float32, name="image"
        )
        self.serving_default = _graph(self._classify_text, text)
        self.tokens = _graph(self._classify_tokens, ids, mask)
        self.images = _graph(self._classify_images, image)
        self.embed = _graph(self._embed, text)
        self.render = _graph(self._render, text)

    @property
    def signatures(self) -> dict[str, tf.types.experimental.GenericFunction]:
        """The functions by the names they are served under."""
        return {
            name: getattr(self, name)
            for name in (
                "serving_default",
                "tokens",
                "images",
                "embed",
                "render",
            )
        }

    @property
    def encoder(self) -> encoder.Encoder:
        """The model's first part: texts to stacks."""
        return self._parts.encoder

    def _classify_text(self, text: tf.Tensor) -> Tensors:
        return self._answers(self._draw(self._encode_text(text)))

    def _classify_tokens(self, ids: tf.Tensor, mask: tf.Tensor) -> Tensors:
        self._check_tokens(ids)
        return self._answers(self._draw(self._encode(ids, mask)))

    def _classify_images(self, image: tf.Tensor) -> Tensors:
        return {"probabilities": self._probabilities(image)}

    def _embed(self, text: tf.Tensor) -> Tensors:
        return {"stack": self._encode_text(text)}

    def _render(self, text: tf.Tensor) -> Tensors:
        return {"image": self._draw(self._encode_text(text))}

    def _encode_text(self, text: tf.Tensor) -> tf.Tensor:
        bert = self._parts.encoder
        # A server does not hold a request against the signature's shape.
        text = tf.ensure_shape(text, [None])
        ids, _ = bert.tokenizer.ids(text, tf.constant(bert.max_tokens))
        # No text at all has no tokens either: BERT needs a column for [CLS].
        missing = tf.maximum(2 - tf.shape(ids)[1], 0)
        ids = tf.pad(ids, [[0, 0], [0, missing]])
        return self._encode(
            ids, tf.cast(ids != bert.tokenizer.pad_id, tf.int32)
        )

    def _encode(self, ids: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        return self._parts.encoder.model(
            {
                "token_ids": ids,
                "segment_ids": tf.zeros_like(ids),
                "padding_mask": mask,
            },
            training=False,
        )

    def _check_tokens(self, ids: tf.Tensor) -> None:
        longest = self._parts.encoder.max_tokens
        size = len(self._parts.encoder.tokenizer.vocabulary)
        tf.debugging.assert_less_equal(
            tf.shape(ids)[1],
            longest,
            f"`ids` must have at most {longest} columns, [CLS] and [SEP] "
            "included: cut the text.",
        )
        tf.debugging.assert_less(
            ids, size, f"`ids` must be in [0, {size - 1}]."
        )
        tf.debugging.assert_non_negative(
            ids, f"`ids` must be in [0, {size - 1}]."
        )

    def _draw(self, stack: tf.Tensor) -> tf.Tensor:
        return self._parts.drawing(stack, training=False)

    def _probabilities(self, image: tf.Tensor) -> tf.Tensor:
        logits = self._parts.model(image, training=False)
        return keras.ops.softmax(logits, axis=-1)

    def _answers(self, image: tf.Tensor) -> Tensors:
        probabilities = self._probabilities(image)
        return {
            "label": tf.gather(
                tf.constant(self._parts.label_names),
                tf.argmax(probabilities, axis=-1),
            ),
            "score": tf.reduce_max(probabilities, axis=-1),
            "probabilities": probabilities,
        }


def _graph(
    function: object, *signature: tf.TensorSpec
) -> tf.types.experimental.GenericFunction:
    return tf.function(function, input_signature=signature, autograph=False)


def load_classifier(
    run: loading.Run, encoder_source: str | None = None
) -> TextClassifier:
    """Puts encoder and map before a trained model.

    Args:
        run: What `loading.load_run` returned.
        encoder_source: Where the encoder is now; by default where it was when
            the records were made.

    Raises:
        FileNotFoundError: If the encoder is not there.
        ValueError: If it is another encoder, or the run cannot be served
            (see `obstacle`).
    """
    reason = obstacle(run.config, run.origin)
    if reason:
        raise ValueError(reason)
    recorded = run.origin.encoder
    assert recorded is not None  # no obstacle
    source = checkpoint.locate(encoder_source or recorded["source"])
    received = checkpoint.identify(source)
    if received != recorded["sha256"]:
        if not pathlib.Path(source).is_dir():
            raise FileNotFoundError(
                f"The encoder is not at {source!r}, where the records were "
                "made with it. Name its directory with --encoder=PATH "
                f"(sha256 {recorded['sha256']})."
            )
        raise ValueError(
            f"The encoder {source!r} must have the sha256 "
            f"{recorded['sha256']}. Received: {received}. Name the one that "
            "made the records with --encoder=PATH."
        )
    chosen = recorded["layers"]
    bert = encoder.Encoder(
        source,
        layers=f"{chosen[0]}-{chosen[-1]}",
        max_tokens=recorded["max_tokens"],
    )
    if bert.gelu != recorded["gelu"]:
        raise ValueError(
            f"The encoder must compute the {recorded['gelu']} GELU, as it did "
            f"for the records. Received: {bert.gelu}."
        )
    drawing = layers.build_drawing(
        pixel_map.PixelMap.load(run.workdir), bert.stack_shape
    )
    return TextClassifier(
        Parts(bert, drawing, run.model, run.origin.label_names)
    )


def obstacle(config: TrainConfig, kept: origin.Origin) -> str | None:
    """Why a run of these settings and records cannot take texts, or `None`."""
    if config.normalization == "batch":
        return (
            "--normalization=batch cannot be served: pixels are normalised "
            "over a whole batch, as the published code does, so a text's "
            "answer would depend on the texts beside it. Train with "
            "--normalization=image."
        )
    if kept.encoder is None or "pixel_map.npz" not in kept.files:
        return (
            f"The image records {kept.fingerprint} do not say which encoder "
            "and map made their pictures, so texts cannot be drawn. Train on "
            "records made with python -m tfrecords.build (sets of an earlier "
            "version: delete and build them again)."
        )
    return None
