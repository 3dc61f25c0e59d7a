"""From image and strings to a label as TensorFlow functions: what is served.

Decoding, resizing, tokenising and encoding are all inside the graph, so that
training and serving cannot differ.
"""

import keras
import numpy as np
import tensorflow as tf

from trainers.multimodal import input_pipeline, loading, model, text_encoders
from trainers.multimodal.config import MODALITIES
from trainers.multimodal.text_encoders import TextEncoder
from trainers.serving.functions import Tensors, each, graph

TOP = 5


class MultimodalClassifier(tf.Module):
    """The whole model; every attribute below is a `tf.function`.

    Each takes `image` (encoded bytes), `title` and `description`, `(N,)`
    strings; an empty string is a missing modality. Each example is classified
    separately.

    Attributes:
        serving_default: To `label` (N,) string, `score` (N,), `top5_labels`
            (N, 5) string and `top5_scores` (N, 5), with fewer columns if there
            are fewer classes, and `probabilities` (N, K).
        opinions: To `probabilities` (N, K), and `towers` (N, M, K): the
            probabilities from each of the model's M modalities, with the
            others removed.
        embed: To the vector of each tower that the model has: `image` (N, C),
            `title` and `description` (N, units); 0 where the modality is
            missing.
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
        if set(run.config.towers) != {"image"}:
            self.constants += encoder.resources
        strings = [
            tf.TensorSpec([None], tf.string, name=name) for name in MODALITIES
        ]
        self.serving_default = graph(self._classify, *strings)
        self.opinions = graph(self._opinions, *strings)
        self.embed = graph(self._embed, *strings)

    @property
    def signatures(self) -> dict[str, tf.types.experimental.GenericFunction]:
        """The functions by the names they are served under."""
        return {
            "serving_default": self.serving_default,
            "opinions": self.opinions,
            "embed": self.embed,
        }

    def _classify(
        self, image: tf.Tensor, title: tf.Tensor, description: tf.Tensor
    ) -> Tensors:
        everything = tf.ones((1, len(MODALITIES)))
        probabilities = self._answer(image, title, description, everything)
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

    def _opinions(
        self, image: tf.Tensor, title: tf.Tensor, description: tf.Tensor
    ) -> Tensors:
        own = [MODALITIES.index(name) for name in self._config.towers]
        seen = np.concatenate(
            [np.ones((1, len(MODALITIES))), np.eye(len(MODALITIES))[own]]
        )
        answers = self._answer(
            image, title, description, tf.constant(seen, tf.float32)
        )
        return {"probabilities": answers[:, 0], "towers": answers[:, 1:]}

    def _embed(
        self, image: tf.Tensor, title: tf.Tensor, description: tf.Tensor
    ) -> Tensors:
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

        strings = self._checked(image, title, description)
        fused = each(one, strings, (None, sum(sizes)))
        parts = tf.split(fused, sizes, axis=1)
        return dict(zip(names, parts, strict=True))

    def _answer(
        self,
        image: tf.Tensor,
        title: tf.Tensor,
        description: tf.Tensor,
        seen: tf.Tensor,
    ) -> tf.Tensor:
        """Probabilities `(N, V, K)` under each of `(V, 3)` views."""
        views = seen.shape[0]

        def one(*strings: tf.Tensor) -> tf.Tensor:
            values = {
                name: tf.repeat(value, views, axis=0)
                for name, value in self._inputs(strings).items()
            }
            values["present"] = input_pipeline.presence(*strings) * seen
            logits = self._models.whole(values, training=False)
            return keras.ops.softmax(logits, axis=-1)[tf.newaxis]

        strings = self._checked(image, title, description)
        shape = (None, views, len(self.label_names))
        return each(one, strings, shape)

    def _checked(self, *strings: tf.Tensor) -> tuple[tf.Tensor, ...]:
        # A server does not check a request's shape against the signature.
        strings = tuple(tf.ensure_shape(value, [None]) for value in strings)
        same = [
            tf.debugging.assert_equal(
                tf.shape(strings[0]),
                tf.shape(value),
                "`image`, `title` and `description` must have the same length.",
            )
            for value in strings[1:]
        ]
        with tf.control_dependencies(same):
            return tuple(tf.identity(value) for value in strings)

    def _inputs(self, strings: tuple[tf.Tensor, ...]) -> Tensors:
        """The model's inputs for one example, without `present`."""
        image, title, description = strings
        values = {}
        if "image" in self._config.towers:
            pixels = input_pipeline.decode(image[0], self._config.image_size)
            values["image"] = pixels[tf.newaxis]
        if set(self._config.towers) != {"image"}:
            vectors = [self._vector(text) for text in (title, description)]
            values["text_vectors"] = tf.stack(vectors, axis=1)
        return values

    def _vector(self, text: tf.Tensor) -> tf.Tensor:
        """`(1,)` string to its vector `(1, D)`; 0 for an empty one."""
        return tf.cond(
            tf.strings.length(text[0]) > 0,
            lambda: self._encoder.vector(text),
            lambda: tf.zeros((1, self._encoder.size)),
        )


def load_classifier(
    run: loading.Run, encoder_source: str | None = None
) -> MultimodalClassifier:
    """Puts the encoder in front of a run's model; raises as `load_encoder`."""
    recorded = run.manifest.details["encoder"]
    return MultimodalClassifier(
        run, text_encoders.load(recorded, encoder_source)
    )
