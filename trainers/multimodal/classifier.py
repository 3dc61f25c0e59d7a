"""From image and strings to a label as TensorFlow functions: what is served.

Decoding, resizing, tokenising and encoding are all inside the graph, so that
training and serving cannot differ.
"""

import inspect
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from trainers.multimodal import input_pipeline, loading, model, text_encoders
from trainers.multimodal.text_encoders import TextEncoder
from trainers.serving.functions import Tensors, each, graph

TOP = 5


class MultimodalClassifier(tf.Module):
    """The whole model; every attribute below is a `tf.function`.

    Each takes `image` (encoded bytes), `title`, `description` and the records'
    other texts, `(N,)` strings; an empty string is a missing modality. Each
    example is classified separately.

    Attributes:
        serving_default: To `label` (N,) string, `score` (N,), `top5_labels`
            (N, 5) string and `top5_scores` (N, 5), with fewer columns if there
            are fewer classes, and `probabilities` (N, K).
        opinions: To `probabilities` (N, K), and `towers` (N, M, K): the
            probabilities from each of the model's M modalities, with the
            others removed.
        embed: To the vector of each tower that the model has: `image` (N, C),
            each text (N, units); 0 where the modality is missing.
    """

    def __init__(self, run: loading.Run, encoder: TextEncoder) -> None:
        """Builds the functions; each is traced when it is first called."""
        super().__init__(name="multimodal_classifier")
        self._config = run.config
        self._models = run.models
        self._encoder = encoder
        self.label_names = run.manifest.schema.label_names
        # A SavedModel saves variables that it can reach; layers it cannot.
        self.constants = [each.value for each in run.models.whole.variables]
        if run.config.has_texts:
            self.constants += encoder.resources
        self._modalities = run.modalities
        self.serving_default = _named(self._classify, run.modalities)
        self.opinions = _named(self._opinions, run.modalities)
        self.embed = _named(self._embed, run.modalities)

    @property
    def signatures(self) -> dict[str, tf.types.experimental.GenericFunction]:
        """The functions by the names they are served under."""
        return {
            "serving_default": self.serving_default,
            "opinions": self.opinions,
            "embed": self.embed,
        }

    def _classify(self, *strings: tf.Tensor) -> Tensors:
        everything = tf.ones((1, len(strings)))
        probabilities = self._answer(strings, everything)
        probabilities = probabilities[:, 0]
        count = min(TOP, len(self.label_names))
        scores, best = tf.math.top_k(probabilities, count)
        labels = tf.gather(tf.constant(self.label_names), best)
        return {
            "label": labels[:, 0],
            "score": scores[:, 0],
            "top5_labels": labels,
            "top5_scores": scores,
            "probabilities": probabilities,
        }

    def _opinions(self, *strings: tf.Tensor) -> Tensors:
        own = [self._modalities.index(name) for name in self._config.towers]
        seen = np.concatenate(
            [np.ones((1, len(strings))), np.eye(len(strings))[own]]
        )
        answers = self._answer(strings, tf.constant(seen, tf.float32))
        return {"probabilities": answers[:, 0], "towers": answers[:, 1:]}

    def _embed(self, *strings: tf.Tensor) -> Tensors:
        vectors = self._models.vectors
        names = self._config.towers
        sizes = [vectors.output[name].shape[-1] for name in names]

        def one(*strings: tf.Tensor) -> tf.Tensor:
            values = self._inputs(strings)
            values |= {"present": input_pipeline.presence(*strings)}
            image = values.pop("image", None)
            if self._models.extractor is not None:
                maps = self._models.extractor(image, training=False)
                values |= model.name_maps(maps)
            return vectors(values, training=False)["fused"]

        fused = each(one, self._checked(strings), (None, sum(sizes)))
        parts = tf.split(fused, sizes, axis=1)
        return dict(zip(names, parts, strict=True))

    def _answer(
        self, strings: tuple[tf.Tensor, ...], seen: tf.Tensor
    ) -> tf.Tensor:
        """Probabilities `(N, V, K)` under each of `(V, 1 + F)` views."""
        views = seen.shape[0]

        def one(*strings: tf.Tensor) -> tf.Tensor:
            values = {
                name: tf.repeat(value, views, axis=0)
                for name, value in self._inputs(strings).items()
            }
            values["present"] = input_pipeline.presence(*strings) * seen
            logits = self._models.whole(values, training=False)
            return keras.ops.softmax(logits, axis=-1)[tf.newaxis]

        shape = (None, views, len(self.label_names))
        return each(one, self._checked(strings), shape)

    def _checked(self, strings: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
        # A server does not check a request's shape against the signature.
        strings = tuple(tf.ensure_shape(value, [None]) for value in strings)
        *others, last = (f"`{name}`" for name in self._modalities)
        names = f"{', '.join(others)} and {last}"
        same = [
            tf.debugging.assert_equal(
                tf.shape(strings[0]),
                tf.shape(value),
                f"{names} must have the same length.",
            )
            for value in strings[1:]
        ]
        with tf.control_dependencies(same):
            return tuple(tf.identity(value) for value in strings)

    def _inputs(self, strings: tuple[tf.Tensor, ...]) -> Tensors:
        """The model's inputs for one example, without `present`."""
        image, *texts = strings
        values = {}
        if self._config.has_image:
            pixels = input_pipeline.decode(image[0], self._config.image_size)
            values["image"] = pixels[tf.newaxis]
        if self._config.has_texts:
            vectors = [self._vector(text) for text in texts]
            values["text_vectors"] = tf.stack(vectors, axis=1)
        return values

    def _vector(self, text: tf.Tensor) -> tf.Tensor:
        """`(1,)` string to its vector `(1, D)`; 0 for an empty one."""
        return tf.cond(
            tf.strings.length(text[0]) > 0,
            lambda: self._encoder.vector(text),
            lambda: tf.zeros((1, self._encoder.size)),
        )


def _named(
    function: Callable[..., Tensors], names: tuple[str, ...]
) -> tf.types.experimental.GenericFunction:
    """Makes a `tf.function` of `(N,)` strings that have names."""

    def call(*strings: tf.Tensor) -> Tensors:
        return function(*strings)

    # By it TensorFlow binds the names that callers and servers use.
    call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD)
            for name in names
        ]
    )
    specs = [tf.TensorSpec([None], tf.string, name=name) for name in names]
    return graph(call, *specs)


def load_classifier(
    run: loading.Run, encoder_source: str | None = None
) -> MultimodalClassifier:
    """Puts the encoder in front of a run's model; raises as `load_encoder`."""
    recorded = run.manifest.details["encoder"]
    return MultimodalClassifier(
        run, text_encoders.load(recorded, encoder_source)
    )
