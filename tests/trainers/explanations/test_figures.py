"""Figures of explanations: what they show, and that they draw."""

import io
import itertools

import matplotlib.figure
import numpy as np
import pytest

from trainers.explanations import figures, pixel_curves
from trainers.explanations.explanation import Explanation, Word

TEXT = "Dull, a\n été\N{GRINNING FACE} $x$ end."


def explanation(rng, text=TEXT, channels=3):
    spans = [(0, 4), (4, 5), (6, 7), (9, 13), (14, 17)]
    mean = rng.uniform(0.2, 0.8, size=(4, 5, channels))
    mean[0] = 0.0
    return Explanation(
        text=text,
        label="<neg>",
        probabilities=np.array([0.7, 0.3]),
        margin=1.5,
        words_baseline=-0.25,
        image_baseline=0.0,
        words=tuple(
            Word(start, end, value)
            for (start, end), value in zip(
                spans, (2, 0, -1, 0.5, 0.25), strict=True
            )
        ),
        image=np.where(mean > 0, rng.uniform(size=mean.shape), 0),
        mean_image=mean,
        pixels=np.where(mean > 0, rng.normal(size=mean.shape), 0),
        features=rng.normal(size=(6, 3)),
        words_error=0.0,
        pixels_error=0.0,
    )


def png(figure):
    assert isinstance(figure, matplotlib.figure.Figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=40)
    return buffer.getvalue()


def words_of(figure):
    return [
        text
        for axes in figure.axes
        for text in axes.texts
        if isinstance(text, matplotlib.text.Annotation)
    ]


@pytest.mark.parametrize("channels", [1, 3])
def test_an_explanation_shows_words_pixels_and_layers(rng, channels):
    explained = explanation(rng, channels=channels)
    figure = figures.draw_explanation(explained, range(4, 10), "demo-1 (pos)")
    assert png(figure)
    shown = [a.images[0].get_array() for a in figure.axes if a.images]
    assert len(shown) == 2 * channels
    differences = explained.image - explained.mean_image
    expected = np.concatenate([differences, explained.pixels], axis=-1)
    for drawn, values in zip(shown, np.moveaxis(expected, -1, 0), strict=True):
        assert drawn.mask[0].all()  # no feature there
        np.testing.assert_array_equal(drawn[1:], values[1:])
    for axes in figure.axes:
        for image in axes.images:
            low, high = image.get_clim()
            assert low == -high
    (bars,) = [axes for axes in figure.axes if axes.patches and axes.containers]
    np.testing.assert_allclose(
        [bar.get_width() for bar in bars.patches],
        explained.features.sum(axis=1),
    )


def test_every_word_is_there_once_with_its_colour(rng):
    annotations = words_of(figures.draw_explanation(explanation(rng), (1,) * 6))
    assert [text.get_text() for text in annotations] == [
        "Dull",
        ",",
        "a",
        "été\N{GRINNING FACE}",
        "$x$",
        "end.",
    ]
    colours = [
        text.get_bbox_patch() and text.get_bbox_patch().get_facecolor()
        for text in annotations
    ]
    assert colours[-1] is None  # after the cut: not a word of the model
    red, zero, blue = colours[0], colours[1], colours[2]
    assert red[0] > red[2]
    assert blue[2] > blue[0]
    assert min(zero[:3]) > 0.9


def test_words_do_not_overlap(rng):
    figure = figures.draw_explanation(explanation(rng), (1,) * 6)
    figure.draw_without_rendering()
    annotations = words_of(figure)
    boxes = [text.get_window_extent() for text in annotations]
    for left, right in itertools.pairwise(boxes):
        assert left.x1 <= right.x0 + 1.5  # pixels: glyphs touch their box


def test_a_long_text_is_broken_and_then_cut(rng):
    text = " ".join(f"word{number}" for number in range(2000))
    explained = explanation(rng, text)
    annotations = words_of(figures.draw_explanation(explained, (1,) * 6))
    heights = {text.xyann[1] for text in annotations}
    assert len(heights) == 14
    assert annotations[-1].get_text() == "…"


def test_classes_without_texts_are_left_out(rng):
    means = rng.normal(size=(3, 4, 5, 1))
    means[1] = np.nan
    mean_image = np.ones((4, 5, 1))
    figure = figures.draw_class_means(means, mean_image, ("a", "b", "c"))
    assert png(figure)
    drawn = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in drawn] == ["a", "c"]
    np.testing.assert_array_equal(
        drawn[1].images[0].get_array(), means[2, ..., 0]
    )


def test_curves_show_every_method(rng):
    lines = {"a": rng.uniform(size=21), "b": rng.uniform(size=21)}
    figure = figures.draw_curves({"deletion": lines, "insertion": lines})
    assert png(figure)
    for axes in figure.axes:
        for line, values in zip(axes.get_lines(), lines.values(), strict=True):
            np.testing.assert_array_equal(
                line.get_xydata().T, [pixel_curves.SHARES, values]
            )
