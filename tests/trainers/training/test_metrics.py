"""Metrics against scikit-learn's."""

import numpy as np
import pytest
import sklearn.metrics

from trainers.training import metrics


@pytest.mark.parametrize("num_classes", [2, 5])
def test_metrics_agree_with_scikit_learn(rng, num_classes):
    logits = rng.normal(size=(200, num_classes)).astype(np.float32) * 3
    labels = rng.integers(0, num_classes, 200)
    figures = metrics.evaluate(logits, labels)
    predictions = logits.argmax(axis=1)
    # Both sum in float64; 1e-9 leaves room for the order of sums.
    assert figures["accuracy"] == pytest.approx(
        sklearn.metrics.accuracy_score(labels, predictions), abs=1e-9
    )
    assert figures["macro_f1"] == pytest.approx(
        sklearn.metrics.f1_score(labels, predictions, average="macro"),
        abs=1e-9,
    )
    assert figures["loss"] == pytest.approx(
        sklearn.metrics.log_loss(labels, metrics.softmax(logits)), abs=1e-9
    )
    np.testing.assert_array_equal(
        figures["confusion_matrix"],
        sklearn.metrics.confusion_matrix(labels, predictions),
    )


def test_a_class_never_seen_counts_as_zero_in_macro_f1():
    confusion = np.array([[3, 0, 0], [0, 3, 0], [0, 0, 0]])
    assert metrics.macro_f1(confusion) == pytest.approx(2 / 3)


def test_sure_and_right_is_calibrated_sure_and_wrong_is_not():
    sure = np.array([[50.0, 0.0], [0.0, 50.0]])
    right, wrong = np.array([0, 1]), np.array([1, 0])
    probabilities = metrics.softmax(sure)
    assert metrics.calibration_error(probabilities, right) < 1e-9
    assert metrics.calibration_error(probabilities, wrong) > 1 - 1e-9


def test_huge_logits_stay_finite():
    figures = metrics.evaluate(
        np.array([[1e30, -1e30], [1e30, -1e30]], np.float32), np.array([0, 1])
    )
    assert np.isfinite(figures["loss"])


def test_validations_are_at_their_steps():
    # Five steps per epoch, validated after the second, the fourth and the last.
    found = metrics.of_validations([1, 2, 3, 4, 5, 6], 10, 5, 2)
    assert found["validations"] == [
        {"step": step, "accuracy": pytest.approx(correct / 10)}
        for step, correct in ((2, 1), (4, 2), (5, 3), (7, 4), (9, 5), (10, 6))
    ]
    assert found["cumulative_accuracy"] == pytest.approx(0.35)
    assert found["num_validations"] == 6


def test_a_step_that_is_validated_twice_is_one_point():
    found = metrics.of_validations([1, 2, 2], 2, 4, 2)
    assert [each["step"] for each in found["validations"]] == [2, 4]
    assert found["num_validations"] == 3
    assert "validations" not in metrics.of_validations([1, 2], 2, 4, 0)
