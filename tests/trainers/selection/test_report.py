"""The report of the best classifier: on how many texts each figure is."""

import numpy as np
import pytest
import scipy.stats

from trainers.selection import report
from trainers.selection.choice import Predictions


def predictions(rows, right):
    values = np.where(np.eye(2, dtype=bool), 0.0, -9.0)
    return Predictions(np.array(rows), values[np.array(right, int)])


def test_candidates_are_compared_on_the_texts_that_both_predict():
    labels = np.ones(8, int)
    validated = {
        "tfidf": predictions(range(8), [0, 0, 0, 0, 0, 1, 1, 1]),
        "stacks": predictions(range(6), [1, 1, 1, 1, 1, 0]),
    }
    (row,) = report.comparisons(validated, labels)
    assert (row["texts"], row["only_first"], row["only_second"]) == (6, 5, 1)
    assert row["gain"] == pytest.approx(4 / 6)
    assert row["p_value"] == scipy.stats.binomtest(5, 6).pvalue


def test_every_figure_names_its_number_of_texts():
    candidates = {
        name: {
            "weights": {name: 1.0},
            "cross_validated_accuracy": 0.8,
            "cross_validated_texts": 1600,
            "accuracy": 0.75,
            "validation_texts": count,
        }
        for name, count in (("tfidf", 400), ("stacks", 120))
    }
    comparison = {
        **{"first": "stacks", "second": "tfidf", "texts": 120, "gain": 0.01},
        **{"only_first": 3, "only_second": 1, "p_value": 0.625},
    }
    text = report.compose(
        {
            **{"chosen": "tfidf", "corpus": "made", "num_train": 1600},
            **{"num_validation": 400, "label_names": ["neg", "pos"]},
            **{"accuracy": 0.75, "macro_f1": 0.7, "calibration_error": 0.1},
            **{"decisions": {}, "seconds": {"tfidf": 2.0}, "device": "CPU"},
            "confusion_matrix": [[150, 50], [50, 150]],
            "candidates": candidates,
            "comparisons": [comparison],
        }
    )
    # sqrt(0.8 * 0.2 / 1600) = 0.01
    stacks = "| logistic regression on stacks | 0.8000 ± 0.0100 | 1,600 |"
    assert f"{stacks} 0.7500 | 120 |" in text
    assert "| **0.7500** | **400** |" in text
    assert "| TF-IDF of words | 120 | +1.00 points | 0.62 (3 : 1) |" in text
