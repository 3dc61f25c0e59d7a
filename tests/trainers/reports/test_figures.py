"""Figures of reports: whole files, lines through the right points."""

import numpy as np
import pytest

from trainers.reports import figures

ONE = [{"epoch": 1, "loss": 4.0}, {"epoch": 2, "loss": 1.0}]
OTHER = [{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 0.5}]


def drawn(axes):
    return [np.array(line.get_xydata()) for line in axes.get_lines()]


def test_a_line_is_the_mean_over_seeds_with_each_seed_thinly():
    figure = figures.learning_curves(
        {"loss": [figures.Line("both", "loss", [ONE, OTHER])]}
    )
    (axes,) = figure.axes
    mean, one, other = drawn(axes)
    np.testing.assert_array_equal(mean, [[1, 3.0], [2, 0.75]])
    np.testing.assert_array_equal(one, [[1, 4.0], [2, 1.0]])
    np.testing.assert_array_equal(other, [[1, 2.0], [2, 0.5]])
    assert [text.get_text() for text in axes.get_legend().texts] == ["both"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "loss")


def test_a_single_seed_is_one_line_and_epochs_without_the_value_are_left_out():
    history = [*ONE, {"epoch": 3, "accuracy": 0.9}]
    figure = figures.learning_curves(
        {
            "loss": [figures.Line("a", "loss", [history])],
            "accuracy": [figures.Line("a", "accuracy", [history])],
        }
    )
    loss, accuracy = (drawn(axes) for axes in figure.axes)
    assert len(loss) == len(accuracy) == 1
    np.testing.assert_array_equal(loss[0], [[1, 4.0], [2, 1.0]])
    np.testing.assert_array_equal(accuracy[0], [[3, 0.9]])


def test_a_saved_figure_is_a_png_file_with_nothing_beside_it(tmp_path):
    figure = figures.learning_curves(
        {"loss": [figures.Line("a", "loss", [ONE])]}
    )
    path = tmp_path / "curves.png"
    figures.save(figure, path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == [path]


def test_a_figure_that_cannot_be_drawn_leaves_the_old_file(tmp_path):
    path = tmp_path / "curves.png"
    path.write_bytes(b"old")
    figure = figures.learning_curves(
        {"loss": [figures.Line("a", "loss", [ONE])]}
    )
    figure.suptitle("$unclosed{$")  # refused while it is drawn
    with pytest.raises(ValueError, match="unclosed"):
        figures.save(figure, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_many_lines_have_colours_of_their_own_and_a_legend_beside_them():
    lines = [figures.Line(f"$line {i}", "loss", [ONE]) for i in range(12)]
    figure = figures.learning_curves({"loss": lines})
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert len({tuple(line.get_color()) for line in axes.get_lines()}) == 12
    legend = axes.get_legend().get_window_extent()
    assert legend.x0 >= axes.get_window_extent().x1


def test_a_single_epoch_has_a_single_whole_tick():
    figure = figures.learning_curves(
        {"loss": [figures.Line("a", "loss", [ONE[:1]])]}
    )
    figure.draw_without_rendering()
    low, high = figure.axes[0].get_xlim()
    ticks = figure.axes[0].get_xticks()
    assert [tick for tick in ticks if low <= tick <= high] == [1]


def test_accuracy_within_the_epochs_is_drawn_by_step():
    history = [{"epoch": 1, "train_loss": 1, "loss": 1}]
    history[0] |= {"train_accuracy": 0.5, "accuracy": 0.6}
    validations = [{"step": 5, "accuracy": 0.4}, {"step": 8, "accuracy": 0.6}]
    plain = figures.run_curves({"epochs": history})
    assert len(plain.axes) == 2
    figure = figures.run_curves({"epochs": history, "validations": validations})
    axes = figure.axes[2]
    assert axes.get_xlabel() == "step"
    np.testing.assert_array_equal(drawn(axes)[0], [[5, 0.4], [8, 0.6]])
