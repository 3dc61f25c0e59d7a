"""Why a text gets a class, inside the graph: tokens, pixels and features.

Each is a share of a difference of margins: the logit of the class less the
mean of the other logits, of the text less that of a baseline.
"""

import keras
import numpy as np
import tensorflow as tf

from text2image.bert.encoder import Encoder
from trainers.serving.functions import Tensors, each
from trainers.serving.gradients import integrated_gradients
from trainers.serving.states import is_frame, rows_of, stacks_of

# Steps along a path. They are doubled until the sum of the contributions misses
# the difference of margins by less than 1%: docs/guide/explain.md.
TOKEN_STEPS, PIXEL_STEPS = 16, 8
MOST_STEPS = 512
# Tokens of the points of a path that are computed at once, for their memory.
_TOKENS_AT_ONCE = 512
_MOST_AT_ONCE = 8
_PER_TOKEN = ("masked_ids", "tokens")
_INTEGERS = ("label", "masked_ids")


class TextExplainer:
    """Explains the margin of a class for one text.

    Attributes:
        mask_id: Id of the token that stands for a word left out.
    """

    def __init__(
        self,
        encoder: Encoder,
        drawing: keras.Model,
        model: keras.Model,
        mean_image: np.ndarray,
    ) -> None:
        """Divides the encoder after its embeddings.

        Args:
            encoder: Texts to stacks.
            drawing: Stacks to images.
            model: Images to logits `(N, K)`.
            mean_image: The mean train image `(H, W, C)`, baseline of pixels.
        """
        self._encoder = encoder
        self._most_ids = encoder.long_texts.most_ids
        self._drawing = drawing
        self._model = model
        self._mean_image = mean_image
        self.mask_id = encoder.tokenizer.mask_id
        bert = encoder.model
        embeddings = bert.get_layer("embeddings_dropout").output
        (mask,) = (x for x in bert.inputs if x.name == "padding_mask")
        self._embed = keras.Model(bert.input, embeddings, name="embeddings")
        self._after = keras.Model(
            [embeddings, mask], bert.output, name="after_embeddings"
        )

    def explain_all(
        self, ids: tf.Tensor, mask: tf.Tensor, label: tf.Tensor
    ) -> Tensors:
        """Explains texts one by one.

        Args:
            ids: `(N, T)` int32, padded.
            mask: 1 for a token and 0 for padding, `(N, T)` int32.
            label: As `explain` takes it, `(N,)`.

        Returns:
            As `explain`, batch first, and `ids`; `masked_ids` and `tokens` are
            padded with 0.
        """
        label = tf.ensure_shape(label, [None])
        classes = self._model.output_shape[-1]
        checks = [
            tf.debugging.assert_equal(
                tf.shape(label)[0],
                tf.shape(ids)[0],
                "`text` and `label` must have the same length.",
            ),
            tf.debugging.assert_less(
                label, classes, f"`label` must be in [-1, {classes - 1}]."
            ),
            tf.debugging.assert_greater_equal(
                label, -1, f"`label` must be in [-1, {classes - 1}]."
            ),
        ]

        def one(row: tuple[tf.Tensor, ...]) -> Tensors:
            ids, mask, label = row
            length = tf.reduce_sum(mask)
            outputs = self.explain(ids[:length], label)
            for name in _PER_TOKEN:
                padding = [[0, self._most_ids - length]]
                outputs[name] = tf.pad(outputs[name], padding)
            return outputs

        with tf.control_dependencies(checks):
            label = tf.identity(label)
        outputs = tf.map_fn(
            one,
            (ids, mask, label),
            fn_output_signature=self._output_specs(),
        )
        for name in _PER_TOKEN:
            outputs[name] = outputs[name][:, : tf.shape(ids)[1]]
        return {"ids": ids, **outputs}

    def _output_specs(self) -> dict[str, tf.TensorSpec]:
        image = self._drawing.output_shape[1:]
        shapes = {
            "label": (),
            "probabilities": self._model.output_shape[1:],
            "margin": (),
            "masked_ids": (self._most_ids,),
            "words_baseline": (),
            "tokens": (self._most_ids,),
            "image": image,
            "mean_image": image,
            "image_baseline": (),
            "pixels": image,
            "features": self._drawing.input_shape[1:],
        }
        return {
            name: tf.TensorSpec(
                shape, tf.int32 if name in _INTEGERS else tf.float32
            )
            for name, shape in shapes.items()
        }

    def explain(self, ids: tf.Tensor, label: tf.Tensor) -> Tensors:
        """Explains one text.

        Args:
            ids: Its `(T,)` int32 ids, without padding.
            label: Number of the class, `()` int32; -1: the predicted one.

        Returns:
            Without a batch dimension: `label` int32, `probabilities` (K,),
            `margin`, `masked_ids` (T,) int32: the baseline of the words,
            `words_baseline`: its margin, `tokens` (T,): their contributions,
            `image` (H, W, C), `mean_image` (H, W, C): the baseline of pixels,
            `image_baseline`: its margin, `pixels` (H, W, C) and `features`
            (L, D): their contributions; all others float32.
        """
        masked = self._masked(ids)
        texts = tf.stack([ids, masked])
        # One by one, so that the bits are those of a prediction.
        images = each(self._draw, (texts,), self._drawing.output_shape)
        mean = tf.constant(self._mean_image, tf.float32)
        logits = each(
            lambda image: self._model(image, training=False),
            (tf.concat([images, mean[tf.newaxis]], axis=0),),
            self._model.output_shape,
        )
        predicted = tf.argmax(logits[0], output_type=tf.int32)
        label = tf.where(label < 0, predicted, label)
        margins = margin_of(logits, label)
        pixels = integrated_gradients(
            lambda image: self._image_margin(image, label),
            mean,
            images[0],
            PIXEL_STEPS,
            change=margins[0] - margins[2],
            most_steps=MOST_STEPS,
            batch=_MOST_AT_ONCE,
        )
        return {
            "label": label,
            "probabilities": keras.ops.softmax(logits[:1], axis=-1)[0],
            "margin": margins[0],
            "masked_ids": masked,
            "words_baseline": margins[1],
            "tokens": self._tokens(texts, label, margins[0] - margins[1]),
            "image": images[0],
            "mean_image": mean,
            "image_baseline": margins[2],
            "pixels": pixels,
            "features": self._features(pixels),
        }

    def _masked(self, ids: tf.Tensor) -> tf.Tensor:
        """The ids with every token but `[CLS]` and `[SEP]` masked."""
        return tf.where(is_frame(self._encoder, ids), ids, self.mask_id)

    def _draw(self, ids: tf.Tensor) -> tf.Tensor:
        stacks = stacks_of(self._encoder, ids, tf.ones_like(ids))
        return self._drawing(stacks, training=False)

    def _image_margin(self, image: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
        return margin_of(self._model(image, training=False), label)

    def _tokens(
        self, texts: tf.Tensor, label: tf.Tensor, change: tf.Tensor
    ) -> tf.Tensor:
        """Contributions `(T,)` of the first text's tokens, from the second."""
        explained, masked = (
            rows_of(self._encoder, texts[0], texts[i]) for i in (0, 1)
        )
        mask = rows_of(self._encoder, texts[0], tf.ones_like(texts[0]))
        windows, length = tf.shape(mask)[0], tf.shape(mask)[1]
        rows = tf.concat([explained, masked], axis=0)
        embeddings = self._embed(
            {
                "token_ids": rows,
                "segment_ids": tf.zeros_like(rows),
                "padding_mask": tf.tile(mask, [2, 1]),
            },
            training=False,
        )
        embeddings = tf.cast(embeddings, tf.float32)
        embeddings = tf.reshape(
            embeddings, (2, windows, length, embeddings.shape[-1])
        )

        def margin(states: tf.Tensor) -> tf.Tensor:
            points = tf.shape(states)[0]
            stacks = self._after(
                [
                    tf.reshape(
                        states, (points * windows, length, states.shape[-1])
                    ),
                    tf.tile(mask, [points, 1]),
                ],
                training=False,
            )
            stacks = tf.reshape(stacks, (points, windows, *stacks.shape[1:]))
            image = self._drawing(tf.reduce_mean(stacks, 1), training=False)
            return self._image_margin(image, label)

        contributions = integrated_gradients(
            margin,
            embeddings[1],
            embeddings[0],
            TOKEN_STEPS,
            change=change,
            most_steps=MOST_STEPS,
            batch=tf.clip_by_value(
                _TOKENS_AT_ONCE // (windows * length), 1, _MOST_AT_ONCE
            ),
        )
        return tf.boolean_mask(tf.reduce_sum(contributions, axis=-1), mask > 0)

    def _features(self, pixels: tf.Tensor) -> tf.Tensor:
        """Pixels `(H, W, C)` to features `(L, D)`, in equal shares.

        The drawing averages the features of a pixel; its gradient gives the
        pixel back to them.
        """
        averaging = self._drawing.get_layer("averaging")
        rows = tf.zeros([1, averaging.pixel.shape[0]])
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(rows)
            image = averaging(rows)
        features = tape.gradient(image, rows, pixels[tf.newaxis])
        return tf.reshape(features, self._drawing.input_shape[1:])


def encoder_inputs(ids: tf.Tensor) -> Tensors:
    """Inputs of the encoder for ids `(n, T)` without padding."""
    return {
        "token_ids": ids,
        "segment_ids": tf.zeros_like(ids),
        "padding_mask": tf.ones_like(ids),
    }


def margin_of(logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Logit of a class less the mean of the others, `(n, K)` to `(n,)`."""
    classes = logits.shape[-1]
    share = 1 / (classes - 1)
    weights = tf.one_hot(label, classes, on_value=1.0, off_value=-share)
    return tf.linalg.matvec(logits, weights)
