"""Evaluates a set of networks: vectors, tests, stability, chance."""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from trainers.experiments import similarity_tests
from trainers.im2vec import analogies, class_vectors
from trainers.im2vec.config import Im2VecConfig

NUM_RANDOM = 100  # random W2 to measure chance with
REFERENCES = ("confusion", "class means")


@dataclasses.dataclass(frozen=True)
class Network:
    """One trained network.

    Attributes:
        name: Name in tables, such as `seed 0`.
        weights: W2, `(K, m)`.
        confusion: `(K, K)` counts on held-out images, rows are true classes.
        accuracy: Accuracy on the same images.
        start: W2 before the first step, `(K, m)`; `None` if not known.
    """

    name: str
    weights: np.ndarray
    confusion: np.ndarray
    accuracy: float
    start: np.ndarray | None = None


def evaluate(
    config: Im2VecConfig,
    networks: Sequence[Network],
    random_weights: Sequence[np.ndarray],
    class_means: np.ndarray,
    names: Sequence[str],
) -> dict[str, Any]:
    """Measures whether class vectors show what the paper claims.

    Args:
        config: Settings: the inverse and the number of permutations.
        networks: One network per seed; the report shows the first.
        random_weights: Untrained W2 to measure chance with, `(K, m)` each.
        class_means: Mean images, `(K, P)`.
        names: K class names.

    Returns:
        `networks`: name, accuracy, condition number and error of each.
        `truth`: a row for each reference (confusion, class means) and metric
        with the tests of all networks and the correlations of random
        weights. `stability`: mean Procrustes disparity and mean Spearman
        correlation of distances, between `trained` networks, between a
        network and its own `start`, and between `random` weights.
        `analogies`: see `analogies.evaluate`.

    Raises:
        ValueError: If a trained W2 cannot be inverted as asked.
    """
    trained = [_vectors(config, network.weights) for network in networks]
    random = [_vectors(config, weights) for weights in random_weights]
    starts = [
        (vectors, _vectors(config, network.start))
        for vectors, network in zip(trained, networks, strict=True)
        if network.start is not None
    ]
    return {
        "networks": [_describe(network) for network in networks],
        "truth": [
            _test(config, networks, trained, random, class_means, *pair)
            for pair in itertools.product(REFERENCES, similarity_tests.METRICS)
        ],
        "stability": {
            "trained": _agreement(itertools.combinations(trained, 2)),
            "start": _agreement(starts),
            "random": _agreement(zip(random[::2], random[1::2], strict=False)),
        },
        "analogies": analogies.evaluate(
            names,
            trained,
            random,
            class_means,
            permutations=config.permutations,
            seed=config.seed,
        ),
    }


def _vectors(config: Im2VecConfig, weights: np.ndarray) -> np.ndarray:
    return class_vectors.class_vectors(weights, config.inverse, config.ridge)


def _describe(network: Network) -> dict[str, Any]:
    return {
        "name": network.name,
        "accuracy": network.accuracy,
        "confusion_matrix": network.confusion.tolist(),
        "shape": list(network.weights.shape),
        "condition_number": class_vectors.condition_number(network.weights),
        "relative_error": class_vectors.relative_error(network.weights),
        "ill_conditioned": class_vectors.is_ill_conditioned(network.weights),
    }


def reference_distances(
    reference: str, network: Network, class_means: np.ndarray
) -> np.ndarray:
    """`(K, K)` distances that class vectors are compared with."""
    if reference == "confusion":
        return similarity_tests.confusion_distances(network.confusion)
    return similarity_tests.distances(class_means)


def _test(
    config: Im2VecConfig,
    networks: Sequence[Network],
    trained: list[np.ndarray],
    random: list[np.ndarray],
    class_means: np.ndarray,
    reference: str,
    metric: str,
) -> dict[str, Any]:
    tests = [
        similarity_tests.mantel(
            similarity_tests.distances(vectors, metric),
            reference_distances(reference, network, class_means),
            permutations=config.permutations,
            seed=config.seed,
        )
        for network, vectors in zip(networks, trained, strict=True)
    ]
    shown = reference_distances(reference, networks[0], class_means)
    chance = [
        similarity_tests.spearman(
            similarity_tests.distances(vectors, metric), shown
        )
        for vectors in random
    ]
    return {
        "reference": reference,
        "metric": metric,
        "tests": tests,
        "random": similarity_tests.spread(chance),
    }


def _agreement(
    pairs: Iterable[tuple[np.ndarray, np.ndarray]],
) -> dict[str, float | None]:
    """Means over pairs of vectors; `None` without pairs or if undefined."""
    pairs = list(pairs)
    disparities = [similarity_tests.procrustes(*pair) for pair in pairs]
    correlations = [
        similarity_tests.spearman(
            *(similarity_tests.distances(vectors) for vectors in pair)
        )
        for pair in pairs
    ]
    known = [rho for rho in correlations if rho is not None]
    return {
        "procrustes": float(np.mean(disparities)) if pairs else None,
        "spearman": float(np.mean(known)) if known else None,
    }
