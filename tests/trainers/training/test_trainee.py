"""Weights of classes, against scikit-learn."""

import numpy as np
import sklearn.utils.class_weight

from trainers.config import TrainConfig
from trainers.training import trainee


def test_balanced_weights_are_those_of_scikit_learn(rng):
    labels = rng.choice(5, 200, p=[0.6, 0.2, 0.1, 0.07, 0.03])
    expected = sklearn.utils.class_weight.compute_class_weight(
        "balanced", classes=np.arange(5), y=labels
    )
    config = TrainConfig(class_weight="balanced")
    np.testing.assert_allclose(trainee.class_weight(labels, config), expected)
    # The mean over the texts is 1: the rates and penalties stay right.
    np.testing.assert_allclose(expected[labels].mean(), 1)
    assert trainee.class_weight(labels, TrainConfig()) == ()


def test_a_class_without_train_texts_does_not_count():
    labels = np.array([0, 0, 0, 2])
    config = TrainConfig(class_weight="balanced")
    weights = np.array(trainee.class_weight(labels, config))
    expected = sklearn.utils.class_weight.compute_class_weight(
        "balanced", classes=np.array([0, 2]), y=labels
    )
    np.testing.assert_allclose(weights[[0, 2]], expected)
    assert np.isfinite(weights).all()
