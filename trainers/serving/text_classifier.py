"""From a string to a label as TensorFlow functions: what is served.

text -> ids -> [CLS] stack -> picture -> logits -> probabilities, all inside
the graph, so that training and serving cannot differ.
"""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from text2image.bert import checkpoint, encoder
from text2image.deepinsight import keras_layers, pixel_map
from trainers.runs import loading

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
        self.serving_default = graph(self._classify_text, text)
        self.tokens = graph(self._classify_tokens, ids, mask)
        self.images = graph(self._classify_images, image)
        self.embed = graph(self._embed, text)
        self.render = graph(self._render, text)

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

    def stacks(self, ids: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """`(N, T)` int32 ids and mask to stacks `(N, L, D)`."""
        shape = (None, *self._parts.encoder.stack_shape)
        return each(self._encode, (ids, mask), shape)

    def _classify_text(self, text: tf.Tensor) -> Tensors:
        return self._classify(*self._tokenize(text))

    def _classify_tokens(self, ids: tf.Tensor, mask: tf.Tensor) -> Tensors:
        return self._classify(self._checked(ids, mask), mask)

    def _classify_images(self, image: tf.Tensor) -> Tensors:
        return {
            "probabilities": each(
                self._probabilities, (image,), self._parts.model.output_shape
            )
        }

    def _embed(self, text: tf.Tensor) -> Tensors:
        return {"stack": self.stacks(*self._tokenize(text))}

    def _render(self, text: tf.Tensor) -> Tensors:
        ids, mask = self._tokenize(text)
        shape = self._parts.drawing.output_shape
        return {"image": each(self._draw, (ids, mask), shape)}

    def _classify(self, ids: tf.Tensor, mask: tf.Tensor) -> Tensors:
        probabilities = each(
            lambda *row: self._probabilities(self._draw(*row)),
            (ids, mask),
            self._parts.model.output_shape,
        )
        return {
            "label": tf.gather(
                tf.constant(self._parts.label_names),
                tf.argmax(probabilities, axis=-1),
            ),
            "score": tf.reduce_max(probabilities, axis=-1),
            "probabilities": probabilities,
        }

    def _tokenize(self, text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        bert = self._parts.encoder
        # A server does not hold a request against the signature's shape.
        text = tf.ensure_shape(text, [None])
        ids, _ = bert.tokenizer.ids(text, tf.constant(bert.max_tokens))
        return ids, tf.cast(ids != bert.tokenizer.pad_id, tf.int32)

    def _encode(self, ids: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """`(1, T)` ids and mask to the stack `(1, L, D)`, padding cut off."""
        place = tf.range(1, tf.shape(mask)[1] + 1)
        length = tf.reduce_max(tf.where(mask[0] != 0, place, 1))
        ids = ids[:, :length]
        return self._parts.encoder.model(
            {
                "token_ids": ids,
                "segment_ids": tf.zeros_like(ids),
                "padding_mask": mask[:, :length],
            },
            training=False,
        )

    def _draw(self, ids: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        return self._parts.drawing(self._encode(ids, mask), training=False)

    def _probabilities(self, image: tf.Tensor) -> tf.Tensor:
        logits = self._parts.model(image, training=False)
        return keras.ops.softmax(logits, axis=-1)

    def _checked(self, ids: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """The ids, if they are such as the encoder takes."""
        longest = self._parts.encoder.max_tokens
        last = len(self._parts.encoder.tokenizer.vocabulary) - 1
        width = tf.shape(ids)[1]
        within = f"`ids` must be in [0, {last}]."
        checks = [
            tf.debugging.assert_less_equal(
                width,
                longest,
                f"`ids` must have at most {longest} columns, [CLS] and [SEP] "
                "included: cut the text.",
            ),
            tf.debugging.assert_positive(
                width, "`ids` must have a column, for [CLS]."
            ),
            tf.debugging.assert_equal(
                tf.shape(ids), tf.shape(mask), "`ids` and `mask` must be alike."
            ),
            tf.debugging.assert_less_equal(ids, last, within),
            tf.debugging.assert_non_negative(ids, within),
            tf.debugging.assert_equal(
                mask,
                tf.cast(mask != 0, tf.int32),
                "`mask` must be 1 for a token and 0 for padding.",
            ),
        ]
        with tf.control_dependencies(checks):
            return tf.identity(ids)


def each(
    function: Callable[..., tf.Tensor],
    rows: tuple[tf.Tensor, ...],
    shape: tuple[int | None, ...],
) -> tf.Tensor:
    """Applies a function to the examples of a batch one by one.

    Matrix kernels sum in another order for another batch size or padding, and
    normalising pictures that differ little makes much of it: up to 3e-4 of a
    probability. Alone, a text gets the same answer in any company. It also
    costs no padding.

    Args:
        function: `(1, ...)` tensors to one `(1, ...)` float32 tensor.
        rows: Its arguments for all examples, `(N, ...)`.
        shape: Of the result, its first dimension N.
    """
    return tf.map_fn(
        lambda row: function(*(item[tf.newaxis] for item in row))[0],
        rows,
        fn_output_signature=tf.TensorSpec(shape[1:], tf.float32),
    )


def graph(
    function: object, *signature: tf.TensorSpec
) -> tf.types.experimental.GenericFunction:
    """A `tf.function` of a fixed signature."""
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
        ValueError: If it is another encoder, or the run cannot take texts
            (`loading.obstacle`).
    """
    reason = loading.obstacle(run.config, run.origin)
    if reason:
        raise ValueError(reason)
    assert run.origin.encoder is not None  # no obstacle
    bert = load_encoder(run.origin.encoder, encoder_source)
    drawing = keras_layers.build_drawing(
        pixel_map.PixelMap.load(run.workdir), bert.stack_shape
    )
    return TextClassifier(
        Parts(bert, drawing, run.model, run.origin.label_names)
    )


def load_encoder(
    recorded: dict[str, Any], named: str | None
) -> encoder.Encoder:
    """Loads the encoder that records say made them.

    Args:
        recorded: What `encoded_records.describe_encoder` wrote.
        named: Where it is now; by default where it was.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it is another one.
    """
    chosen = recorded["layers"]
    bert = encoder.Encoder(
        _find_encoder(recorded, named),
        layers=f"{chosen[0]}-{chosen[-1]}",
        max_tokens=recorded["max_tokens"],
        # Earlier records do not say: there was no choice.
        pooling=recorded.get("pooling", "cls"),
        dtype=recorded.get("dtype", "float32"),
    )
    if bert.gelu != recorded["gelu"]:
        raise ValueError(
            f"The encoder must compute the {recorded['gelu']} GELU, as it did "
            f"for the records. Received: {bert.gelu}."
        )
    return bert


def _find_encoder(recorded: dict[str, Any], named: str | None) -> str:
    """Where the encoder is, if it is the recorded one."""
    source = checkpoint.locate(named or recorded["source"])
    received = checkpoint.identify(source)
    if received == recorded["sha256"]:
        return source
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
