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
        shown = [tick.get_text() for tick in ticks]
        assert sorted(shown) == sorted(labels)
        assert count > 12 or shown == labels
    # A row of pixels is at least as high as its name.
    height = axes.get_window_extent().height / count
    label = axes.get_yticklabels()[-1].get_window_extent().height
    assert height > 0.9 * label


def test_confused_classes_are_neighbours_with_their_number_of_texts(rng):
    confusion = np.diag(np.full(40, 100))
    partners = rng.permutation(40).reshape(20, 2)
    for index, (true, predicted) in enumerate(partners):
        confusion[true, predicted] = index + 1
    axes = draw_confusion(confusion, [f"c{n}" for n in range(40)]).axes[0]
    shown = [int(tick.get_text()[1:]) for tick in axes.get_yticklabels()]
    places = np.argsort(shown)
    assert (np.abs(np.diff(places[partners])) == 1).all()
    numbers = {text.get_position(): text.get_text() for text in axes.texts}
    for index, (true, predicted) in enumerate(partners):
        place = places[predicted], places[true]
        assert numbers[place] == str(index + 1)


def test_hundreds_of_classes_are_numbered_on_a_figure_of_bounded_size():
    figure = draw_confusion(np.eye(400), [str(index) for index in range(400)])
    assert "number of the class" in figure.axes[0].get_xlabel()
    assert max(figure.get_size_inches()) < 20
