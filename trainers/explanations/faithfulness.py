"""Whether explanations say what a model does: measured on many texts.

Every measure is of the class that the model predicts, and of margins: the
logit of that class less the mean of the other logits.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from trainers.experiments import significance
from trainers.explanations import pixel_curves, word_removal
from trainers.explanations.explanation import Explanation
from trainers.explanations.grad_cam import grad_cam
from trainers.explanations.masked_texts import MaskedTexts
from trainers.network import model as network
from trainers.serving.explaining import margin_of

GRADIENTS = "integrated gradients"
OCCLUSION = "occlusion"
PRODUCT = "gradient x input"
GRAD_CAM = "Grad-CAM"
RANDOM = "random"
# A sum is complete if it misses this share of max(1, |difference|) at most.
TOLERANCE = 0.01
_SEED = 0

# Method to the values of one text, in an order that the caller names.
Values = dict[str, tuple[float, ...]]


def completeness(
    errors: Sequence[float], differences: Sequence[float]
) -> dict[str, float]:
    """Summarises what the sums of contributions miss.

    Args:
        errors: |sum of the contributions - difference of margins|, `(N,)`.
        differences: Differences of margins, `(N,)`.

    Returns:
        `within`, the share of texts that miss `TOLERANCE` of
        max(1, |difference|) at most; `median` and `largest` of the errors in
        these units.
    """
    misses = np.array(errors) / np.maximum(1.0, np.abs(differences))
    return {
        "within": float((misses <= TOLERANCE).mean()),
        "median": float(np.median(misses)),
        "largest": float(misses.max()),
    }


def measure_words(
    explanations: Sequence[Explanation],
    masked: MaskedTexts,
    number_of: Callable[[str], int],
) -> Iterator[Values]:
    """Measures comprehensiveness and sufficiency of four explanations.

    Args:
        explanations: By integrated gradients; texts without words are left
            out.
        masked: Their model.
        number_of: Class name to its number.

    Yields:
        For each text, method to comprehensiveness and sufficiency.
    """
    rng = np.random.default_rng(_SEED)
    for explanation in explanations:
        ids, words = masked.words(explanation.text)
        if not words:
            continue
        label = number_of(explanation.label)
        alone_masked = ~np.eye(len(words), dtype=bool)
        contributions = {
            GRADIENTS: np.array(
                [word.contribution for word in explanation.words]
            ),
            OCCLUSION: explanation.margin
            - masked.margins(ids, words, alone_masked, label),
            PRODUCT: masked.gradient_times_input(ids, words, label),
            RANDOM: rng.permutation(len(words)),
        }
        keep = np.stack(
            [word_removal.keep_masks(c) for c in contributions.values()]
        )  # (methods, 2, S, words)
        margins = masked.margins(
            ids, words, keep.reshape(-1, len(words)), label
        ).reshape(keep.shape[:-1])
        yield {
            method: word_removal.drops(explanation.margin, values)
            for method, values in zip(contributions, margins, strict=True)
        }


def measure_pixels(
    explanations: Sequence[Explanation],
    occupied: np.ndarray,
    whole: keras.Model,
    number_of: Callable[[str], int],
) -> Iterator[dict[str, np.ndarray]]:
    """Deletes and inserts pixels in the order of three explanations.

    Args:
        explanations: By integrated gradients.
        occupied: Pixels that show a feature, `(H, W, C)` bool.
        whole: Their model, images to logits.
        number_of: Class name to its number.

    Yields:
        For each text, method to the probabilities of its class `(2, S)`: of
        deletion and insertion, at `pixel_curves.SHARES`.
    """
    rng = np.random.default_rng(_SEED)
    to_maps, to_logits = network.split_at_maps(whole)
    shape = occupied.shape

    @tf.function(reduce_retracing=True)
    def probabilities(images: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
        logits = whole(images, training=False)
        return keras.ops.softmax(logits, axis=-1)[:, label]

    @tf.function(reduce_retracing=True)
    def by_grad_cam(images: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
        return grad_cam(
            lambda images: to_maps(images, training=False),
            lambda maps: margin_of(to_logits(maps, training=False), label),
            images,
        )

    for explanation in explanations:
        label = tf.constant(number_of(explanation.label))
        where = by_grad_cam(explanation.image[np.newaxis], label).numpy()[0]
        scores = {
            GRADIENTS: explanation.pixels,
            GRAD_CAM: np.broadcast_to(where[..., np.newaxis], shape),
            RANDOM: rng.uniform(size=shape),
        }
        images = np.concatenate(
            [
                part
                for values in scores.values()
                for part in pixel_curves.steps(
                    explanation.image, explanation.mean_image, values, occupied
                )
            ]
        )
        curves = probabilities(images, label).numpy()
        yield dict(
            zip(
                scores,
                curves.reshape(len(scores), 2, len(pixel_curves.SHARES)),
                strict=True,
            )
        )


def compare(
    values: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Averages measures over texts and compares every method with random.

    Args:
        values: For each text, method to one number per measure,
            `(measures,)`.
        names: Names of the measures.

    Returns:
        Method to measure to `mean` and, except for `RANDOM`, `p_value` of
        Wilcoxon's test against it.
    """
    columns = {
        method: np.array([row[method] for row in values])  # (N, measures)
        for method in values[0]
    }
    return {
        method: {
            name: {
                "mean": float(column.mean()),
                **(
                    {}
                    if method == RANDOM
                    else {"p_value": significance.wilcoxon(column, other)}
                ),
            }
            for name, column, other in zip(
                names, rows.T, columns[RANDOM].T, strict=True
            )
        }
        for method, rows in columns.items()
    }
