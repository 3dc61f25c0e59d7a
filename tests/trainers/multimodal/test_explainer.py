"""Explanations of samples against the model itself, asked directly."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from text2image.corpora import captioned_images
from trainers.multimodal import input_pipeline, loading, model
from trainers.multimodal.explainer import SampleExplainer, load_explainer
from trainers.multimodal.predictor import load_predictor
from trainers.multimodal.text_encoders import BertTexts
from trainers.serving.functions import load_encoder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(trained):
    return loading.load_run(trained)


@pytest.fixture(scope="module")
def encoder(run):
    return load_encoder(run.manifest.details["encoder"])


@pytest.fixture(scope="module")
def samples(corpus):
    """One with everything, one without title, one without description."""
    keys = captioned_images.Keys()
    read = list(captioned_images.read_file(corpus, keys))
    return [read[3], dataclasses.replace(read[9], description="x y"), read[2]]


@pytest.fixture(scope="module")
def explanations(trained, samples):
    return list(load_explainer(str(trained)).explain(samples))


class Direct:
    """Margins of a run's whole network, without our explainer."""

    def __init__(self, run, encoder, sample):
        self.run, self.encoder = run, encoder
        content = tf.constant(sample.read_image())
        self.image = input_pipeline.decode(content, run.config.image_size)
        self.ids = {
            key: encoder.tokenize([getattr(sample, key)]).ids[0].copy()
            for key in ("title", "description")
        }

    def margin(self, label, present):
        vectors = [
            self.encoder.stacks_of_ids(tf.constant(self.ids[key][None]))
            for key in ("title", "description")
        ]
        inputs = {
            "image": self.image[None],
            "text_vectors": tf.reshape(tf.stack(vectors), (1, 2, -1)),
            "present": tf.constant([present], tf.float32),
        }
        logits = self.run.models.whole(inputs, training=False).numpy()[0]
        return logits[label] - np.delete(logits, label).mean()


def test_the_answer_is_that_of_predict(trained, samples, explanations):
    answers = load_predictor(workdir=str(trained)).predict(samples)
    for item, answer in zip(explanations, answers, strict=True):
        assert item.id == answer["id"]
        assert item.label == answer["label"]
        assert item.probabilities.max() == pytest.approx(
            answer["score"], abs=1e-5
        )


def test_modalities_share_the_difference(run, encoder, samples, explanations):
    for item in explanations:
        total = sum(item.modalities.values())
        assert total == pytest.approx(item.margin - item.baseline, abs=1e-5)
    assert [list(item.modalities) for item in explanations] == [
        ["image", "title", "description"],
        ["image", "description"],
        ["image", "title"],
    ]
    # Logits are sums over towers: a modality has the same share in any order.
    item = explanations[0]
    direct = Direct(run, encoder, samples[0])
    label = run.manifest.schema.label_names.index(item.label)
    nothing = direct.margin(label, [0, 0, 0])
    assert item.baseline == pytest.approx(nothing, abs=1e-5)
    for alone, share in zip(np.eye(3), item.modalities.values(), strict=True):
        assert share == pytest.approx(
            direct.margin(label, alone) - nothing, abs=1e-4
        )


def test_a_word_has_what_the_margin_loses_when_it_is_masked(
    run, encoder, samples, explanations
):
    item = explanations[0]
    label = run.manifest.schema.label_names.index(item.label)
    for key, text in item.texts.items():
        assert [text[w.start : w.end] for w in item.words[key]] == text.split()
        direct = Direct(run, encoder, samples[0])
        whole = direct.margin(label, [1, 1, 1])
        (last,) = encoder.tokenize([text.split()[-1]]).ids
        size = len(last) - 2  # its tokens, without [CLS] and [SEP]
        direct.ids[key][-1 - size : -1] = encoder.tokenizer.mask_id
        assert item.words[key][-1].contribution == pytest.approx(
            whole - direct.margin(label, [1, 1, 1]), abs=1e-4
        )
        assert any(word.contribution for word in item.words[key])


@pytest.mark.parametrize(
    ("frozen_fraction", "frozen_grid"), [(0.5, 0), (0.98, 2), (1.0, 0)]
)
def test_the_region_is_grad_cam_by_its_formula(
    run, encoder, samples, frozen_fraction, frozen_grid
):
    config = dataclasses.replace(
        run.config,
        image_size=96,
        frozen_fraction=frozen_fraction,
        frozen_grid=frozen_grid,
    )
    hidden = run.manifest.schema.shape[-1]
    models = model.build_models(config, hidden, 3)
    changed = dataclasses.replace(run, config=config, models=models)
    (item,) = SampleExplainer(changed, BertTexts(encoder)).explain(samples[:1])

    # A tower of keras.applications that ends before the pooling.
    tower = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(96, 96, 3)
    )
    parts = [models.extractor, models.classifier]
    ours = {
        layer.name: layer
        for part in parts
        for inner in part.layers
        if isinstance(inner, keras.Model)
        for layer in inner.layers
    }
    for layer in tower.layers:
        if layer.weights:
            layer.set_weights(ours[layer.name].get_weights())
    maps = tower(item.image[None] / 127.5 - 1, training=False).numpy()[0]
    assert maps.shape == (3, 3, 1280)
    # After mean pooling and one dense layer, the gradients are its weights.
    kernel = models.classifier.get_layer("head_dense").kernel.numpy()[:1280]
    label = run.manifest.schema.label_names.index(item.label)
    weights = kernel[:, label] - np.delete(kernel, label, axis=1).mean(axis=1)
    expected = np.maximum(maps @ weights / 9, 0)
    assert item.region.max() > 0
    np.testing.assert_allclose(item.region, expected, rtol=1e-3, atol=1e-6)


def test_any_class_is_explained(trained, samples, explanations):
    explainer = load_explainer(str(trained))
    (item,) = explainer.explain(samples[:1], label="grün")
    assert item.label == "grün"
    np.testing.assert_allclose(
        item.probabilities, explanations[0].probabilities, atol=1e-6
    )
    with pytest.raises(ValueError, match="one of the model's 3 classes"):
        explainer.explain(samples, label="gelb")


def test_a_sample_without_image_or_with_nothing_is_explained(trained, samples):
    explainer = load_explainer(str(trained))
    texts = dataclasses.replace(samples[0], read_image=bytes)
    nothing = dataclasses.replace(texts, title="", description="")
    first, second = explainer.explain([texts, nothing])
    assert first.image is first.region is None
    assert list(first.modalities) == ["title", "description"]
    assert second.modalities == second.words == {}
    assert second.margin == second.baseline


@pytest.mark.parametrize("modalities", ["image", "title", "image,description"])
def test_a_model_of_some_modalities_is_explained(
    run, encoder, samples, modalities
):
    config = dataclasses.replace(run.config, modalities=modalities)
    models = model.build_models(config, run.manifest.schema.shape[-1], 3)
    changed = dataclasses.replace(run, config=config, models=models)
    (item,) = SampleExplainer(changed, BertTexts(encoder)).explain(samples[:1])
    assert ",".join(item.modalities) == modalities
    assert ",".join(item.words) == modalities.replace("image", "").strip(",")
    assert (item.region is None) == ("image" not in modalities)
