"""Explanations of single texts, from a run and from its export."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from trainers.explanations.explainer import Explainer, load_explainer
from trainers.serving import predictor
from trainers.serving.predictor import Served

pytestmark = pytest.mark.slow

TEXTS = [
    "film 7: good, great love",
    "a so bad \N{SNOWMAN}",
    "",
    "\ud800 dull",
    "bad " * 100,
]
# A network of random weights is rough: 512 steps need not be enough for 1%.
TOLERANCE = 0.02


@pytest.fixture(scope="module")
def explainers(reloaded, signatures):
    names = reloaded[3].parts.label_names
    return {
        "run": Explainer(Served(reloaded[3].signatures, names, (0, 1, 2))),
        "export": Explainer(Served(signatures, names, (0, 1, 2))),
    }


@pytest.fixture(scope="module")
def explanations(explainers):
    return list(explainers["run"].explain(TEXTS))


def test_run_and_export_explain_the_same(explainers, explanations):
    exported = list(explainers["export"].explain(TEXTS))
    for one, other in zip(explanations, exported, strict=True):
        assert (one.text, one.label) == (other.text, other.label)
        assert [(w.start, w.end) for w in one.words] == [
            (w.start, w.end) for w in other.words
        ]
        for field in dataclasses.fields(one):
            if field.name not in ("text", "label", "words"):
                np.testing.assert_allclose(
                    getattr(one, field.name),
                    getattr(other, field.name),
                    rtol=0,
                    atol=1e-5,
                    err_msg=field.name,
                )
        np.testing.assert_allclose(
            [word.contribution for word in one.words],
            [word.contribution for word in other.words],
            atol=1e-5,
        )


def test_words_stand_where_they_are_and_add_up(explanations):
    for text, item in zip(TEXTS, explanations, strict=True):
        assert item.text == text
        total = sum(word.contribution for word in item.words)
        difference = item.margin - item.words_baseline
        assert abs(total - difference) <= TOLERANCE * max(1, abs(difference))
        assert item.words_error == pytest.approx(abs(total - difference))
        difference = item.margin - item.image_baseline
        assert item.pixels_error <= TOLERANCE * max(1, abs(difference))
        assert item.features.shape == (3, 16)
    words = [TEXTS[0][w.start : w.end] for w in explanations[0].words]
    assert words == ["film", "7", ":", "good", ",", "great", "love"]
    assert explanations[2].words == ()
    assert explanations[2].margin == explanations[2].words_baseline
    # 32 tokens, two of them the frame.
    assert len(explanations[4].words) == 30


def test_the_predicted_class_or_a_named_one_is_explained(explainers, trained):
    names = explainers["run"].label_names
    of_class = {
        name: next(explainers["run"].explain(TEXTS[:1], label=name))
        for name in names
    }
    assert {item.label for item in of_class.values()} == set(names)
    predicted = next(explainers["run"].explain(TEXTS[:1]))
    best = names[int(predicted.probabilities.argmax())]
    assert predicted.label == best
    assert predicted.margin == of_class[best].margin
    # Margins are logits less their mean: those of all classes add up to 0.
    assert sum(item.margin for item in of_class.values()) == pytest.approx(
        0, abs=1e-5
    )


def test_a_run_and_its_export_are_loaded(trained, explanations):
    for where in (
        {"workdir": str(trained[3].workdir)},
        {"export_dir": str(trained[3].export)},
    ):
        explainer = load_explainer(**where)
        assert explainer.layers == (0, 1, 2)
        (item,) = explainer.explain(TEXTS[:1])
        assert item.label == explanations[0].label
        assert item.margin == pytest.approx(explanations[0].margin, abs=1e-5)


def test_occlusion_is_what_the_margin_loses_without_the_word(
    explainers, reloaded
):
    (item,) = explainers["run"].explain(TEXTS[:1], method="occlusion")
    (by_gradients,) = explainers["run"].explain(TEXTS[:1])
    np.testing.assert_array_equal(item.pixels, by_gradients.pixels)
    assert item.margin == by_gradients.margin
    parts = reloaded[3].parts
    ids, mask = reloaded[3].ids(tf.constant(TEXTS[:1]))
    label = parts.label_names.index(item.label)
    mask_id = parts.encoder.tokenizer.vocabulary.index("[MASK]")
    assert len(item.words) == ids.shape[1] - 2  # a token per word
    for position, word in enumerate(item.words, start=1):
        masked = ids.numpy()
        masked[0, position] = mask_id
        stacks = reloaded[3].stacks(tf.constant(masked), mask)
        (logits,) = parts.model(parts.drawing(stacks)).numpy()
        margin = logits[label] - np.delete(logits, label).mean()
        assert word.contribution == pytest.approx(
            item.margin - margin, abs=1e-4
        )


def test_unknown_classes_and_methods_are_refused(explainers):
    with pytest.raises(ValueError, match=r"`label` must be one of .*'best'"):
        explainers["run"].explain(["a"], label="best")
    with pytest.raises(ValueError, match=r"`method` must be one of .*'lime'"):
        explainers["run"].explain(["a"], method="lime")


def test_a_model_of_an_earlier_version_says_what_to_do(monkeypatch):
    functions = {"serving_default": len, "render": len}
    served = Served(functions, ("a", "b"), (0,))
    monkeypatch.setattr(predictor, "load_served", lambda *_: served)
    with pytest.raises(ValueError, match="a run of one map again with"):
        load_explainer(export_dir="old")
    with pytest.raises(ValueError, match="Run its training command again"):
        load_explainer(workdir="old")
