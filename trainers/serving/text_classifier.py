"""From a string to a label as TensorFlow functions: what is served.

text -> ids -> [CLS] stack -> image -> logits -> probabilities, all inside the
graph, so that training and serving cannot differ.
"""

import dataclasses
from collections.abc import Callable

import keras
import tensorflow as tf

from text2image.bert.encoder import Encoder
from text2image.deepinsight.keras_layers import build_drawing
from text2image.deepinsight.pixel_map import PixelMap
from trainers.runs import loading, train_images
from trainers.runs.train_images import TrainImages
from trainers.serving import grouping
from trainers.serving.explaining import TextExplainer
from trainers.serving.functions import (
    Tensors,
    checked_tokens,
    each,
    graph,
    load_encoder,
    once_each,
)
from trainers.serving.grouping import Grouping
from trainers.serving.image_outputs import ImageOutputs
from trainers.serving.states import cut_padding, has_windows, stacks_of


@dataclasses.dataclass(frozen=True)
class Parts:
    """What a text passes through; no part depends on another text.

    Attributes:
        encoder: Texts to stacks `(N, L, D)`.
        drawing: Stacks to images `(N, H, W, C)`.
        model: Images to logits `(N, K)`.
        label_names: Class names in label order.
        train_images: What is known of the images it was trained on. Without
            them nothing is explained; of runs of earlier versions only the
            mean may be known, and then there is no novelty.
    """

    encoder: Encoder
    drawing: keras.Model
    model: keras.Model
    label_names: tuple[str, ...]
    train_images: TrainImages | None = None


class TextClassifier(tf.Module):
    """The whole model; its answers are `tf.function`s.

    Texts are answered one by one, or in a few fixed shapes if there is a
    `grouping`.

    Attributes:
        parts: What a text passes through.
        grouping: The shapes in which texts are answered, if not one by one.
        serving_default: `text` (N,) string to `label` (N,) string, `score`
            (N,), `probabilities` (N, K) and, if it is known, `novelty` (N,)
            float32.
        tokens: `ids` and `mask` (N, T) int32, padded, to the same. Holds no
            text op: for clients that tokenise themselves.
        images: `image` (N, H, W, C) float32 to the last two.
        embed: `text` to `stack` (N, L, D) float32.
        render: `text` to `image` (N, H, W, C) float32.
        tokenize: `text` to `ids` and `mask` (N, T) int32, padded.
        explain: `text` and `label` (N,) int32, the number of a class or -1 for
            the predicted one, to what `TextExplainer.explain` returns, batch
            first; `None` if the mean train image is not known.
    """

    def __init__(self, parts: Parts, grouping: Grouping | None = None) -> None:
        """Builds the functions; each is traced when it is first called.

        Args:
            parts: What a text passes through.
            grouping: The shapes in which texts are answered; `None` answers
                them one by one.

        Raises:
            ValueError: If there is a grouping and texts are read in windows.
        """
        super().__init__(name="text_classifier")
        self.parts = parts
        self.grouping = grouping
        if grouping is not None and has_windows(parts.encoder):
            raise ValueError(
                "Texts that are read in windows (--long_texts=windows) are "
                "answered one by one. Export without --export_batching, or "
                "build records with --long_texts=head_tail."
            )
        self._outputs = ImageOutputs(parts.model, parts.train_images)
        # A SavedModel saves variables that it can reach; layers it cannot.
        self.constants = [
            variable.value
            for model in (parts.encoder.model, parts.drawing, parts.model)
            for variable in model.variables
        ] + self._outputs.constants
        text = tf.TensorSpec([None], tf.string, name="text")
        ids = tf.TensorSpec([None, None], tf.int32, name="ids")
        mask = tf.TensorSpec([None, None], tf.int32, name="mask")
        image = tf.TensorSpec(
            [None, *parts.model.input_shape[1:]], tf.float32, name="image"
        )
        self.serving_default = graph(once_each(self._classify_text), text)
        self.tokens = graph(self._classify_tokens, ids, mask)
        self.images = graph(self._classify_images, image)
        self.embed = graph(once_each(self._embed), text)
        self.render = graph(once_each(self._render), text)
        self.tokenize = graph(self._tokenize, text)
        self.explain = None
        if parts.train_images is not None:
            explain = TextExplainer(
                parts.encoder,
                parts.drawing,
                parts.model,
                parts.train_images.mean,
            ).explain_all
            label = tf.TensorSpec([None], tf.int32, name="label")
            self.explain = graph(
                lambda text, label: explain(*self.ids(text), label), text, label
            )

    @property
    def signatures(self) -> dict[str, tf.types.experimental.GenericFunction]:
        """The functions by the names they are served under."""
        functions = {
            "serving_default": self.serving_default,
            "tokens": self.tokens,
            "images": self.images,
            "embed": self.embed,
            "render": self.render,
            "tokenize": self.tokenize,
        }
        return functions | ({"explain": self.explain} if self.explain else {})

    @property
    def encoder(self) -> Encoder:
        """The first part of the model: texts to stacks."""
        return self.parts.encoder

    @property
    def label_names(self) -> tuple[str, ...]:
        """Class names in label order."""
        return self.parts.label_names

    def stacks(self, ids: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """`(N, T)` int32 ids and mask to stacks `(N, L, D)`."""
        shape = (None, *self.encoder.stack_shape)
        return self._map_texts(self._states, ids, mask, shape)

    def _classify_text(self, text: tf.Tensor) -> Tensors:
        return self._classify(*self.ids(text))

    def _classify_tokens(self, ids: tf.Tensor, mask: tf.Tensor) -> Tensors:
        return self._classify(
            *checked_tokens(
                ids,
                mask,
                self.encoder.long_texts.most_ids,
                len(self.encoder.tokenizer.vocabulary),
            )
        )

    def _classify_images(self, image: tf.Tensor) -> Tensors:
        image = _finite(
            tf.ensure_shape(image, self.parts.model.input_shape),
            "`image` must hold finite numbers.",
        )
        pack, shape = self._outputs.pack, self._outputs.shape
        if self.grouping is None:
            rows = each(pack, (image,), shape)
        else:
            rows = grouping.map_rows(pack, image, shape, self.grouping)
        too_large = "The numbers of `image` are too large to be classified."
        return self._outputs.unpack(_finite(rows, too_large))

    def _embed(self, text: tf.Tensor) -> Tensors:
        return {"stack": self.stacks(*self.ids(text))}

    def _render(self, text: tf.Tensor) -> Tensors:
        ids, mask = self.ids(text)
        shape = self.parts.drawing.output_shape
        return {"image": self._map_texts(self._draw, ids, mask, shape)}

    def _classify(self, ids: tf.Tensor, mask: tf.Tensor) -> Tensors:
        rows = self._map_texts(
            lambda *texts: self._outputs.pack(self._draw(*texts)),
            ids,
            mask,
            self._outputs.shape,
        )
        outputs = self._outputs.unpack(rows)
        probabilities = outputs["probabilities"]
        return {
            "label": tf.gather(
                tf.constant(self.label_names),
                tf.argmax(probabilities, axis=-1),
            ),
            "score": tf.reduce_max(probabilities, axis=-1),
            **outputs,
        }

    def _tokenize(self, text: tf.Tensor) -> Tensors:
        ids, mask = self.ids(tf.ensure_shape(text, [None]))
        return {"ids": ids, "mask": mask}

    def ids(self, text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """`(N,)` strings to padded `(N, T)` int32 ids and mask."""
        bert = self.encoder
        ids, _ = bert.tokenizer.ids(text, tf.constant(bert.max_tokens))
        return ids, tf.cast(ids != bert.tokenizer.pad_id, tf.int32)

    def _map_texts(
        self,
        function: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
        ids: tf.Tensor,
        mask: tf.Tensor,
        shape: tuple[int | None, ...],
    ) -> tf.Tensor:
        """Applies a function to texts: one by one, or in groups."""
        if self.grouping is not None:
            return grouping.map_texts(function, ids, mask, shape, self.grouping)
        return each(
            lambda ids, mask: function(*cut_padding(ids, mask)),
            (ids, mask),
            shape,
        )

    def _states(self, ids: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """`(n, T)` ids and mask to stacks `(n, L, D)`."""
        return stacks_of(self.encoder, ids, mask)

    def _draw(self, ids: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        return self.parts.drawing(self._states(ids, mask), training=False)


def _finite(values: tf.Tensor, message: str) -> tf.Tensor:
    """The values, after a check that none is NaN or infinite."""
    largest = values.dtype.max
    check = tf.debugging.assert_less_equal(tf.abs(values), largest, message)
    with tf.control_dependencies([check]):
        return tf.identity(values)


def load_classifier(
    run: loading.Run,
    encoder_source: str | None = None,
    *,
    is_grouped: bool = False,
) -> TextClassifier:
    """Puts encoder and pixel map in front of a trained model.

    Args:
        run: A finished run.
        encoder_source: Where the encoder is now; by default where it was when
            the records were made.
        is_grouped: Whether texts are answered in a few fixed shapes.

    Raises:
        FileNotFoundError: If the encoder is not there.
        ValueError: If another encoder is there, or the run cannot take texts
            (`loading.obstacle`).
    """
    reason = loading.obstacle(run.config, run.origin)
    if reason:
        raise ValueError(reason)
    assert run.origin.encoder is not None  # that would be an obstacle
    encoder = load_encoder(run.origin.encoder, encoder_source)
    drawing = build_drawing(PixelMap.load(run.workdir), encoder.stack_shape)
    return TextClassifier(
        Parts(
            encoder,
            drawing,
            run.model,
            run.origin.label_names,
            train_images.find(run),
        ),
        grouping.choose(encoder.max_tokens) if is_grouped else None,
    )
