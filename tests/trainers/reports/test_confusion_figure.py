"""The confusion figure: names of few classes, numbers of hundreds."""

import numpy as np
import pytest

from tests.support.hostile_names import NAMES
from text2image import figure_text
from trainers.reports import figures
from trainers.reports.confusion_figure import draw_confusion


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("count", [2, 12, 24, 77])
def test_every_class_is_named(tmp_path, count):
    names = [*NAMES, *(f"class {index}" for index in range(count))][-count:]
    figure = draw_confusion(np.eye(count), names)
    figures.save(figure, tmp_path / "confusion.png")
    axes = figure.axes[0]
    labels = figure_text.class_labels(names)
    for ticks in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [tick.get_text() for tick in ticks] == labels
    # A row of pixels is at least as high as its name.
    height = axes.get_window_extent().height / count
    label = axes.get_yticklabels()[-1].get_window_extent().height
    assert height > 0.9 * label


def test_hundreds_of_classes_are_numbered_on_a_figure_of_bounded_size():
    figure = draw_confusion(np.eye(400), [str(index) for index in range(400)])
    assert "number of the class" in figure.axes[0].get_xlabel()
    assert max(figure.get_size_inches()) < 20
