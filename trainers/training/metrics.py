"""What a trained model is worth, from its logits. numpy only."""

from typing import Any

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """`(N, K)` logits to probabilities, in float64."""
    logits = logits.astype(np.float64)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def confusion_matrix(
    labels: np.ndarray, predictions: np.ndarray, num_classes: int
) -> np.ndarray:
    """`(K, K)` int64 counts; rows are true classes, columns predictions."""
    return np.bincount(
        labels * num_classes + predictions, minlength=num_classes**2
    ).reshape(num_classes, num_classes)


def macro_f1(confusion: np.ndarray) -> float:
    """Mean over classes of 2 TP / (2 TP + FP + FN); 0 for an unseen class."""
    hits = np.diag(confusion)
    total = confusion.sum(axis=0) + confusion.sum(axis=1)
    scores = np.divide(
        2.0 * hits, total, out=np.zeros(len(hits)), where=total > 0
    )
    return float(scores.mean())


def calibration_error(
    probabilities: np.ndarray, labels: np.ndarray, num_bins: int = 15
) -> float:
    """Expected calibration error: mean gap of confidence and accuracy.

    Source: Guo et al. 2017, arXiv 1706.04599, eq. 3; 15 equal bins there.
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * num_bins).astype(int), num_bins - 1)
    gaps = np.bincount(bins, weights=correct - confidence, minlength=num_bins)
    return float(np.abs(gaps).sum() / len(labels))


def top_k_accuracy(logits: np.ndarray, labels: np.ndarray, k: int = 5) -> float:
    """Share of rows whose class is among the k with the largest logits.

    Args:
        logits: `(N, K)`; of equal ones the class with the larger number
            comes first.
        labels: `(N,)` int.
        k: With K or more every row counts.
    """
    best = np.argsort(logits, axis=1, kind="stable")[:, -k:]
    return float((best == labels[:, np.newaxis]).any(axis=1).mean())


def evaluate(logits: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Figures of one evaluation.

    Args:
        logits: `(N, K)`.
        labels: `(N,)` int.

    Returns:
        `accuracy`, `macro_f1`, `loss` (mean cross-entropy, nats),
        `calibration_error` and `confusion_matrix` (rows are true classes).
    """
    probabilities = softmax(logits)
    confusion = confusion_matrix(labels, logits.argmax(axis=1), logits.shape[1])
    chosen = probabilities[np.arange(len(labels)), labels]
    return {
        "accuracy": float(np.trace(confusion) / len(labels)),
        "macro_f1": macro_f1(confusion),
        "loss": float(-np.log(np.maximum(chosen, 1e-300)).mean()),
        "calibration_error": calibration_error(probabilities, labels),
        "confusion_matrix": confusion.tolist(),
    }
