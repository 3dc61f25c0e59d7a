"""Folds: every text is predicted by a model that has not seen it."""

import numpy as np
import pytest

from trainers.selection import folds, linear


def test_classes_are_dealt_evenly_and_copies_together(rng):
    labels = rng.permutation(np.repeat([0, 1, 2], [50, 30, 3]))
    texts = [f"text {number}" for number in range(len(labels))]
    twin = int(np.flatnonzero(labels == labels[0])[1])
    texts[twin] = texts[0].upper() + "  "
    fold = folds.deal(texts, labels)
    assert fold[0] == fold[twin]
    for label, most in ((0, 11), (1, 7), (2, 1)):
        counts = np.bincount(fold[labels == label], minlength=5)
        assert counts.max() <= most
    np.testing.assert_array_equal(fold, folds.deal(texts, labels))


def test_no_text_is_predicted_by_a_model_that_has_seen_it():
    fold = np.arange(23) % folds.NUM_FOLDS

    def fit_predict(c, train, held):
        assert not set(train) & set(held)
        assert set(fold[held]) == set(range(5)) - set(fold[train])
        return np.column_stack([held, held * c])

    rows = np.arange(2, 23)
    out = folds.predict(fit_predict, 2.0, fold, rows, range(3))
    expected = rows[fold[rows] < 3]
    np.testing.assert_array_equal(out.rows, expected)
    np.testing.assert_array_equal(out.log_probabilities[:, 0], expected)


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [(1000, (5, 5)), (12, (5, 1)), (7, (5, 0)), (4.5, (3, 0)), (0, (1, 0))],
)
def test_a_plan_does_what_there_is_time_for(allowed, expected):
    plan = folds.plan(1.0, allowed, 4)
    assert (plan.folds, plan.folds_of_choice) == expected


def test_a_class_without_a_text_gets_no_probability(rng):
    rows = rng.normal(size=(20, 3))
    labels = np.repeat([0, 2], 10)
    model = linear.fit(rows, labels, 4, 1.0)
    probabilities = np.exp(model.log_probabilities(rows))
    assert probabilities[:, [1, 3]].max() < 1e-9
    single = linear.fit(rows, np.full(20, 3), 4, 1.0)
    assert np.exp(single.log_probabilities(rows))[:, 3].min() > 0.999
