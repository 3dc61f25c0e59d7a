"""Does a - b = c - d hold between class vectors, and does it mean anything?

The paper asks it of woman - man = girl - boy (section 4.2). A *quadruple* is a
parallelogram of four classes with the opposite corners a, d and b, c: the same
one says a - c = b - d. By Euler's theorem on quadrilaterals the squares of its
four sides exceed those of its diagonals by |a + d - b - c|^2, which is 0 where
the analogy holds. Its share of the sides' sum is the *defect*: 0 if the analogy
holds, 1/2 if all distances are equal, at most 1.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from trainers.experiments import similarity_tests

# a - b = c - d, section 4.2.
PAPER = ("woman", "man", "girl", "boy")
_MOST_CLASSES = 10  # whose quadruples are all tested: 630
_NUM_DRAWN = 600  # quadruples of more classes
_NUM_SHOWN = 5
_BATCH = 64  # orders at a time, (batch, Q) in memory


def evaluate(
    names: Sequence[str],
    vectors: Sequence[np.ndarray],
    random: Sequence[np.ndarray],
    class_means: np.ndarray,
    *,
    permutations: int,
    seed: int,
) -> dict[str, Any] | None:
    """Tests the analogies of the networks of a run.

    Args:
        names: K class names.
        vectors: Class vectors of each network, `(K, m)`.
        random: Those of untrained W2.
        class_means: Mean images, `(K, P)`.
        permutations: Most orders of the classes in the test of all.
        seed: Seed of the orders and of the draw of quadruples.

    Returns:
        `quadruples`, their number; `is_complete`, whether these are all;
        `least`, classes and defect of the five least of the first network;
        `tests`, the result of `compare` for each network; `random`, quantiles
        over `random` of the least defect (`least`) and of the correlation
        (`rho`); and if the paper's classes are there `paper`, the result of
        `about` for each network. `None` for fewer than four classes.
    """
    if len(names) < 4:
        return None
    quadruples = all_or_drawn(len(names), seed)
    is_complete = len(names) <= _MOST_CLASSES
    shown = defects(vectors[0], quadruples)
    result = {
        "quadruples": len(quadruples),
        "is_complete": is_complete,
        "least": [
            {
                "classes": [names[label] for label in quadruples[index]],
                "defect": float(shown[index]),
            }
            for index in shown.argsort(kind="stable")[:_NUM_SHOWN]
        ],
        "tests": [
            compare(
                each,
                class_means,
                quadruples,
                permutations=permutations,
                seed=seed,
            )
            for each in vectors
        ],
        "random": {
            "least": similarity_tests.spread(
                [float(defects(each, quadruples).min()) for each in random]
            ),
            "rho": similarity_tests.spread(
                [correlation(each, class_means, quadruples) for each in random]
            ),
        },
    }
    if set(PAPER) <= set(names):
        analogy = np.array([list(names).index(name) for name in PAPER])
        result["paper"] = [
            about(each, analogy, quadruples, is_complete=is_complete)
            for each in vectors
        ]
    return result


def all_or_drawn(count: int, seed: int) -> np.ndarray:
    """Quadruples `(Q, 4)` of classes: all of up to 10, otherwise 600."""
    if count <= _MOST_CLASSES:
        fours = np.array(list(itertools.combinations(range(count), 4)))
        # One per class that is opposite to the first.
        orders = [[0, 1, 2, 3], [0, 1, 3, 2], [0, 2, 3, 1]]
        return fours[:, orders].reshape(-1, 4)
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(count)[:4] for _ in range(_NUM_DRAWN)])


def defects(vectors: np.ndarray, quadruples: np.ndarray) -> np.ndarray:
    """Defects `(...)` of quadruples `(..., 4)` of vectors `(K, m)`."""
    return _defects(similarity_tests.distances(vectors) ** 2, quadruples)


def _defects(squares: np.ndarray, quadruples: np.ndarray) -> np.ndarray:
    """As `defects`, of squared distances `(K, K)`."""
    a, b, c, d = np.moveaxis(quadruples, -1, 0)
    sides = squares[a, b] + squares[c, d] + squares[a, c] + squares[b, d]
    diagonals = squares[a, d] + squares[b, c]
    return np.divide(
        sides - diagonals, sides, where=sides > 0, out=np.zeros_like(sides)
    ).round(9)  # equal in exact arithmetic is equal


def about(
    vectors: np.ndarray,
    analogy: np.ndarray,
    quadruples: np.ndarray,
    *,
    is_complete: bool,
) -> dict[str, Any]:
    """Tests one analogy among all quadruples of the classes.

    If the names of the classes mean nothing, this quadruple is as likely to be
    any other: the share of quadruples with a defect as small is the p of the
    permutation test over all orders of the classes.

    Args:
        vectors: Class vectors, `(K, m)`.
        analogy: Classes a, b, c and d, `(4,)`.
        quadruples: `(Q, 4)`.
        is_complete: Whether these are all; a draw lacks the analogy itself,
            which its p must count.

    Returns:
        `defect`; `p`; and `answered`, how many of its four questions (whether
        b + c - d is nearest to a, and so on) have the right answer among all
        classes but the three asked with (Mikolov et al. 2013, arXiv
        1301.3781, section 4).
    """
    defect = float(defects(vectors, analogy))
    added = int(not is_complete)
    as_small = int((defects(vectors, quadruples) <= defect).sum()) + added
    questions = analogy[
        [[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]]
    ]
    return {
        "defect": defect,
        "p": as_small / (len(quadruples) + added),
        "answered": sum(_answers(vectors, each) for each in questions),
    }


def _answers(vectors: np.ndarray, analogy: np.ndarray) -> bool:
    """Whether b + c - d is nearest to a."""
    a, b, c, d = analogy
    distances = np.linalg.norm(
        vectors - (vectors[b] + vectors[c] - vectors[d]), axis=1
    )
    distances[[b, c, d]] = np.inf
    return bool(distances.argmin() == a)


def correlation(
    vectors: np.ndarray, class_means: np.ndarray, quadruples: np.ndarray
) -> float | None:
    """Spearman's correlation of the defects of vectors and of mean images.

    Returns:
        `None` if all defects of one of them are equal.
    """
    ranks, others = (
        similarity_tests.centred_ranks(defects(rows, quadruples))
        for rows in (vectors, class_means)
    )
    return float(ranks @ others) if ranks.any() and others.any() else None


def compare(
    vectors: np.ndarray,
    class_means: np.ndarray,
    quadruples: np.ndarray,
    *,
    permutations: int,
    seed: int,
) -> dict[str, Any]:
    """Do analogies hold between the vectors where they do between images?

    Spearman's correlation over all quadruples, of the defects of the class
    vectors `(K, m)` and of the mean images `(K, P)`, against permuted classes.

    Returns:
        As `similarity_tests.mantel`.
    """
    squares = similarity_tests.distances(vectors) ** 2
    fixed = similarity_tests.centred_ranks(defects(class_means, quadruples))

    def permuted(orders: np.ndarray) -> np.ndarray:
        moved = _defects(squares, orders[..., quadruples])
        return similarity_tests.centred_ranks(moved) @ fixed

    return similarity_tests.against_orders(
        correlation(vectors, class_means, quadruples),
        permuted,
        len(vectors),
        permutations=permutations,
        seed=seed,
        batch=_BATCH,
    )
