"""Confusion in a run's report: the matrix of few classes, the worst of many."""

import numpy as np
import sklearn.metrics

from trainers.reports import class_tables


def test_few_classes_have_the_whole_matrix():
    lines = class_tables.confusion_section([[3, 1], [0, 4]], ["a|b", "x" * 40])
    assert lines[0] == rf"| true \ predicted | a\|b | {'x' * 18}…{'x' * 9} |"
    assert lines[2:] == [r"| a\|b | 3 | 1 |", f"| {'x' * 40} | 0 | 4 |"]


def test_many_classes_have_the_worst_pairs(rng):
    count = 77
    labels = np.repeat(np.arange(count), 10)
    predicted = np.where(rng.random(770) < 0.8, labels, (labels * 7) % count)
    predicted[labels == 5] = 6  # class 5 is never right
    confusion = sklearn.metrics.confusion_matrix(labels, predicted)
    names = [f"class_{index}" for index in range(count)]
    text = "\n".join(class_tables.confusion_section(confusion.tolist(), names))
    assert "| class_5 | class_6 | 10 | 100% |" in text
    assert f"{(labels != predicted).sum()} texts are in the wrong" in text
    assert len(text) < 1500


def test_three_classes_have_the_matrix_and_the_worst_pairs():
    confusion = [[3, 1, 0], [0, 4, 2], [0, 0, 1]]
    text = "\n".join(class_tables.confusion_section(confusion, ["a", "b", "c"]))
    assert "| b | 0 | 4 | 2 |" in text
    assert "| b | c | 2 | 33% |" in text


def test_a_model_without_errors_has_no_pairs():
    lines = class_tables.confusion_section(
        np.eye(13, dtype=int).tolist(), [str(index) for index in range(13)]
    )
    assert lines[1] == "No text is in the wrong class."
