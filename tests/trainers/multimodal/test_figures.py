"""Figures of a fused run."""

import warnings

import numpy as np
import pytest

from tests.support import multimodal_corpora
from tests.support.hostile_names import NAMES
from trainers.multimodal import example_figure, vector_figure
from trainers.reports.figures import save


def test_separate_classes_have_a_silhouette_near_one(rng):
    labels = np.repeat(np.arange(3), 20)
    near = np.eye(3)[labels] * 100 + rng.normal(size=(60, 3))
    mixed = rng.normal(size=(60, 3))
    figure, scores = vector_figure.draw_vectors(
        {"near": near, "mixed": mixed}, labels, ["a", "b", "c"]
    )
    assert scores["near"] > 0.9
    assert abs(scores["mixed"]) < 0.15
    assert len(figure.axes) == 2


@pytest.mark.parametrize("shape", [(4, 3), (4, 1), (1, 3)])
def test_samples_of_a_class_each_have_no_silhouette(rng, shape):
    figure, scores = vector_figure.draw_vectors(
        {"title": rng.normal(size=shape)}, np.arange(shape[0]), list("abcd")
    )
    assert scores == {"title": None}
    assert "title not defined" in vector_figure.caption(scores)
    assert len(figure.axes[0].collections) == shape[0]


def test_examples_are_those_where_the_fusion_stands_alone():
    fused = {"a": True, "b": True, "c": False, "d": False}
    one = {"a": False, "b": True, "c": True, "d": True}
    other = {"a": False, "b": False, "c": True, "d": False}
    assert example_figure.split_examples(fused, [one, other]) == (["a"], ["c"])


def test_an_example_shows_its_texts_and_every_prediction():
    sample = {
        "image": multimodal_corpora.jpeg(0),
        "title": b"costs $5",
        "description": b"",
    }
    figure = example_figure.draw_examples(
        {"a": sample, "c": {**sample, "image": b""}},
        ["a"],
        ["c"],
        {
            "fused": {"a": ("rot", "rot"), "c": ("rot", "blau")},
            "title": {"a": ("rot", "blau"), "c": ("rot", "rot")},
        },
    )
    above, below = (part.axes[0] for part in figure.subfigs)
    assert above.get_title(loc="left").splitlines() == [
        r"costs \$5",
        "true: rot",
        "fused: rot",
        "title: blau",
    ]
    assert (len(above.images), len(below.images)) == (1, 0)


def test_any_class_name_and_text_is_drawn_without_a_warning(tmp_path, rng):
    labels = np.arange(60) % len(NAMES)
    vectors, _ = vector_figure.draw_vectors(
        {"title": rng.normal(size=(60, 3))}, labels, list(NAMES)
    )
    keys = [str(number) for number in range(len(NAMES))]
    examples = example_figure.draw_examples(
        {
            key: {"image": b"", "title": name.encode(), "description": b"$"}
            for key, name in zip(keys, NAMES, strict=True)
        },
        keys[:12],
        keys[12:],
        {"fused": {k: (n, n) for k, n in zip(keys, NAMES, strict=True)}},
    )
    with warnings.catch_warnings(action="error"):
        save(vectors, tmp_path / "vectors.png")
        save(examples, tmp_path / "examples.png")
