"""Metrics of a classifier from its logits."""

from typing import Any

import numpy as np
import scipy.special

from tfrecords import schema


def softmax(logits: np.ndarray) -> np.ndarray:
    """Converts logits `(N, K)` to probabilities, in float64."""
    return scipy.special.softmax(logits.astype(np.float64), axis=1)


def confusion_matrix(
    labels: np.ndarray, predictions: np.ndarray, num_classes: int
) -> np.ndarray:
    """Counts `(K, K)` int64; rows are true classes, columns predictions."""
    return np.bincount(
        labels * num_classes + predictions, minlength=num_classes**2
    ).reshape(num_classes, num_classes)


def macro_f1(confusion: np.ndarray) -> float:
    """Returns the mean of 2 TP / (2 TP + FP + FN) over classes.

    A class that neither occurs nor is predicted counts as 0.
    """
    hits = np.diag(confusion)
    total = confusion.sum(axis=0) + confusion.sum(axis=1)
    scores = np.divide(
        2.0 * hits, total, out=np.zeros(len(hits)), where=total > 0
    )
    return float(scores.mean())


def of_validations(
    correct: list[int], num_examples: int, num_steps: int, every: int
) -> dict[str, Any]:
    """Summarises all validations of a training.

    Args:
        correct: Correct examples at each validation, in order.
        num_examples: Validation examples.
        num_steps: Steps per epoch.
        every: Steps between validations within an epoch; 0: after it only.

    Returns:
        `cumulative_accuracy` (their mean) and `num_validations`; with `every`
        also `validations`: `step` (from 1) and `accuracy` of each.
    """
    accuracies = np.array(correct) / num_examples
    found: dict[str, Any] = {
        "cumulative_accuracy": float(accuracies.mean()),
        "num_validations": len(correct),
    }
    if every:
        within = [*range(every, num_steps + 1, every), num_steps]
        epochs, places = np.divmod(np.arange(len(correct)), len(within))
        steps = epochs * num_steps + np.array(within)[places]
        # After an epoch that ends at a multiple, the same is measured twice.
        by_step = dict(zip(steps.tolist(), accuracies.tolist(), strict=True))
        found["validations"] = [
            {"step": step, "accuracy": accuracy}
            for step, accuracy in by_step.items()
        ]
    return found


def calibration_error(
    probabilities: np.ndarray, labels: np.ndarray, num_bins: int = 15
) -> float:
    """Returns the expected calibration error.

    The mean gap between confidence and accuracy. Source: Guo et al. 2017,
    arXiv 1706.04599, eq. 3, with 15 equal bins as there.
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * num_bins).astype(int), num_bins - 1)
    gaps = np.bincount(bins, weights=correct - confidence, minlength=num_bins)
    return float(np.abs(gaps).sum() / len(labels))


def top_k_accuracy(logits: np.ndarray, labels: np.ndarray, k: int = 5) -> float:
    """Returns the share of rows with the true class among the best k.

    Args:
        logits: `(N, K)`; among equal ones, the class with the larger number
            comes first.
        labels: `(N,)` int.
        k: Number of classes per row; all K if k is larger.
    """
    best = np.argsort(logits, axis=1, kind="stable")[:, -k:]
    return float((best == labels[:, np.newaxis]).any(axis=1).mean())


def evaluate(logits: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Evaluates one split.

    Args:
        logits: `(N, K)`.
        labels: `(N,)` int.

    Returns:
        `accuracy`, `macro_f1`, `loss` (mean cross-entropy, nats),
        `calibration_error` and `confusion_matrix` (rows are true classes).

    Raises:
        FloatingPointError: If a logit is not finite.
    """
    spoiled = int((~np.isfinite(logits)).any(axis=1).sum())
    if spoiled:
        raise FloatingPointError(
            f"The logits of {spoiled} of {len(logits)} evaluated examples are "
            "not finite. The likely cause is the learning rate: lower it, or "
            "check the records with python -m tfrecords.verify."
        )
    probabilities = softmax(logits)
    confusion = confusion_matrix(labels, logits.argmax(axis=1), logits.shape[1])
    log_likelihoods = scipy.special.log_softmax(
        logits.astype(np.float64), axis=1
    )[np.arange(len(labels)), labels]
    return {
        "accuracy": float(np.trace(confusion) / len(labels)),
        "macro_f1": macro_f1(confusion),
        "loss": float(-log_likelihoods.mean()),
        "calibration_error": calibration_error(probabilities, labels),
        "confusion_matrix": confusion.tolist(),
    }


def figures_of(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Returns `evaluate` without the confusion matrix, with `top5` accuracy."""
    figures = evaluate(logits, labels)
    del figures["confusion_matrix"]
    return {**figures, "top5": top_k_accuracy(logits, labels)}


def held_out_split(manifest: schema.Manifest) -> str:
    """Returns the split that results are reported on."""
    return "test" if "test" in manifest.splits else "validation"
