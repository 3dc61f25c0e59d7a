"""Texts and labels of a Python program as rows of a corpus."""

import pytest

from trainers.estimators.examples import check_examples


@pytest.mark.parametrize(
    "labels", [[1, True, 0, False], [1.0, 1, 0, 0.0], [True, 1, 0.0, -0.0]]
)
def test_equal_labels_are_one_class_however_they_are_written(labels):
    _, classes, names = check_examples([f"text {i}" for i in range(4)], labels)
    assert set(names) == set(classes.names)
    assert [classes.name_of(label) for label in labels] == names
