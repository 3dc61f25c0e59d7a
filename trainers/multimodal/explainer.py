"""Explains a multimodal run's answers: modalities, words and image region."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from text2image.corpora import labels
from text2image.corpora.examples import CaptionedImage
from trainers.explanations.explanation import Word
from trainers.explanations.grad_cam import heat_maps
from trainers.multimodal import input_pipeline, loading, model, text_encoders
from trainers.multimodal.explanation import SampleExplanation
from trainers.multimodal.predictor import read_image
from trainers.multimodal.shapley import shapley_values
from trainers.multimodal.text_encoders import TextEncoder
from trainers.serving.explaining import margin_of
from trainers.serving.functions import encode


class SampleExplainer:
    """Explains the answers of a multimodal run.

    Attributes:
        label_names: Class names in label order.
    """

    def __init__(self, run: loading.Run, encoder: TextEncoder) -> None:
        """Divides a run's network into image tower and head."""
        self.label_names = run.manifest.schema.label_names
        self._config = run.config
        self._modalities = run.modalities
        self._encoder = encoder
        self._extractor = run.models.extractor
        classifier = run.models.classifier
        inputs = dict(classifier.input)
        maps = {n: inputs.pop(n) for n in list(inputs) if n.startswith("maps_")}
        if self._extractor is not None:
            vector = run.models.vectors.output["image"]
            self._image_vector = keras.Model(maps, vector)
            self._scaling = self._extractor.get_layer("scaling")
            self._last_maps = _last_maps(self._extractor, classifier)
            inputs["image_vector"] = vector
        self._head_inputs = tuple(inputs)
        self._head = keras.Model(list(inputs.values()), classifier.output)
        self._vector = tf.function(
            encoder.vector, [tf.TensorSpec([1], tf.string)]
        )

    def explain(
        self, samples: Iterable[CaptionedImage], *, label: str | None = None
    ) -> Iterator[SampleExplanation]:
        """Explains samples, one after another.

        Args:
            samples: The samples.
            label: Name of the class that is explained; by default the
                predicted one.

        Raises:
            OSError: If an image cannot be read.
            ValueError: If there is no such class, or an image cannot be
                decoded.
        """
        if label is not None and label not in self.label_names:
            raise ValueError(
                f"`label` must be one of the model's {len(self.label_names)} "
                f"classes ({labels.listed(self.label_names)}). Received: "
                f"{labels.shown(label)}"
            )
        return (self._explain_sample(sample, label) for sample in samples)

    def _explain_sample(
        self, sample: CaptionedImage, name: str | None
    ) -> SampleExplanation:
        towers = self._config.towers
        content = read_image(sample) if "image" in towers else b""
        texts = {
            key: text
            for key, text in sample.texts.items()
            if key in towers and text
        }
        present = [*(["image"] if content else []), *texts]
        values: dict[str, tf.Tensor] = {}
        pixels = input_pipeline.decode(
            tf.constant(content), self._config.image_size
        )
        if self._extractor is not None:
            maps = self._extractor(pixels[tf.newaxis], training=False)
            values["image_vector"] = self._image_vector(
                model.name_maps(maps), training=False
            )
        nothing = tf.zeros((1, self._encoder.size))
        vectors = [
            self._vector(tf.constant([encode(texts[key])]))
            if key in texts
            else nothing
            for key in self._modalities[1:]
        ]
        values["text_vectors"] = tf.stack(vectors, axis=1)
        coalitions = list(itertools.product((0, 1), repeat=len(present)))
        logits = self._logits(values, self._presence(present, coalitions))
        probabilities = keras.ops.softmax(logits[-1]).numpy()
        label = (
            int(probabilities.argmax())
            if name is None
            else self.label_names.index(name)
        )
        margins = margin_of(logits, label).numpy().astype(float)
        shares = shapley_values(margins.reshape((2,) * len(present)))
        return SampleExplanation(
            id=sample.id,
            label=self.label_names[label],
            probabilities=probabilities,
            margin=float(margins[-1]),
            baseline=float(margins[0]),
            modalities=dict(zip(present, shares.tolist(), strict=True)),
            texts=texts,
            words={
                key: self._words(key, text, values, present, label)
                for key, text in texts.items()
            },
            image=pixels.numpy() if content else None,
            region=(
                self._region(pixels[tf.newaxis], values, present, label)
                if content
                else None
            ),
        )

    def _logits(
        self, values: Mapping[str, tf.Tensor], present: np.ndarray
    ) -> tf.Tensor:
        """Logits `(n, K)` of `(n, 1 + F)` views; a single value is repeated."""
        values = {**values, "present": tf.constant(present, tf.float32)}
        rows = [
            tf.repeat(value, len(present) // len(value), axis=0)
            for value in (values[name] for name in self._head_inputs)
        ]
        return self._head(rows, training=False)

    def _words(
        self,
        key: str,
        text: str,
        values: Mapping[str, tf.Tensor],
        present: Sequence[str],
        label: int,
    ) -> tuple[Word, ...]:
        """The words, each with what the margin loses without it."""
        spans, vectors = self._encoder.without_words(text)
        columns = tf.unstack(
            tf.repeat(values["text_vectors"], len(vectors), axis=0), axis=1
        )
        columns[self._modalities.index(key) - 1] = tf.constant(vectors)
        views = self._presence(present, [(1,) * len(present)] * len(vectors))
        logits = self._logits(
            {**values, "text_vectors": tf.stack(columns, axis=1)}, views
        )
        margins = margin_of(logits, label).numpy().astype(float)
        return tuple(
            Word(start, end, margins[0] - margin)
            for (start, end), margin in zip(spans, margins[1:], strict=True)
        )

    def _region(
        self,
        images: tf.Tensor,
        values: Mapping[str, tf.Tensor],
        present: Sequence[str],
        label: int,
    ) -> np.ndarray:
        """Grad-CAM `(h, w)` of one image `(1, S, S, 3)`."""
        views = self._presence(present, [(1,) * len(present)])

        def margins(maps: tf.Tensor) -> tf.Tensor:
            pooled = tf.reduce_mean(maps, axis=(1, 2))
            # The features of --frozen_grid follow; they are constant here.
            grid = values["image_vector"][:, pooled.shape[-1] :]
            vector = tf.concat([pooled, grid], axis=1)
            logits = self._logits({**values, "image_vector": vector}, views)
            return margin_of(logits, label)

        maps = self._last_maps(self._scaling(images), training=False)
        return heat_maps(maps, margins).numpy()[0]

    def _presence(
        self, names: Sequence[str], rows: Sequence[Sequence[int]]
    ) -> np.ndarray:
        """The model's `present` `(n, 1 + F)`: of named modalities."""
        present = np.zeros((len(rows), len(self._modalities)), np.float32)
        present[:, [self._modalities.index(name) for name in names]] = rows
        return present


def load_explainer(workdir: str, encoder: str | None = None) -> SampleExplainer:
    """Loads a finished run; raises as `load_run` and `load_encoder`."""
    run = loading.load_run(workdir)
    recorded = run.manifest.details["encoder"]
    return SampleExplainer(run, text_encoders.load(recorded, encoder))


def _last_maps(extractor: keras.Model, classifier: keras.Model) -> keras.Model:
    """Scaled pixels to the maps that the tower pools.

    The cut into frozen and tuned layers may be before or after these maps;
    layers remember the tensors of the tower that both were cut from.
    """
    frozen = extractor.get_layer("frozen_tower")
    parts = [frozen, *classifier.layers]
    (pooling,) = (
        layer
        for part in parts
        if isinstance(part, keras.Model)
        for layer in part.layers
        if isinstance(layer, keras.layers.GlobalAveragePooling2D)
    )
    return keras.Model(frozen.input, pooling.input)
