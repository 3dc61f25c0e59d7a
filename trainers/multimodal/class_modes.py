"""Modes inside a class: clusters of its joint vectors.

The paper shows what such modes are where labels come from a search (3.2, Fig.
6; Fig. 12): photographs of a flash camera, and photographs taken with one.
"""

import dataclasses

import numpy as np
import sklearn.cluster
import sklearn.decomposition
import sklearn.metrics

from trainers.multimodal.vector_index import VectorIndex

_MOST_MODES = 6
_MOST_ROWS = 1000  # of a class: silhouettes compare all pairs
_LEAST_ROWS = 10  # of a class: fewer have no clusters
_LEAST_SHARE = 0.05  # of a class: fewer rows are outliers
_DIMENSIONS = 50
_STARTS = 4  # of k-means
# Least mean silhouette of clusters that are more than an artefact: Kaufman and
# Rousseeuw 1990, Finding Groups in Data, table 4 of chapter 2.
_LEAST_SILHOUETTE = 0.25
_NUM_TYPICAL = 8


@dataclasses.dataclass(frozen=True)
class Modes:
    """The modes of a class.

    Attributes:
        label: The class.
        rows: Numbers of the rows that were clustered, `(n,)`.
        modes: Mode of each, `(n,)` int, from 0, the largest first.
        silhouette: Mean silhouette of the modes; of one mode that of the best
            clusters that were refused, or -1 if there were none.
        typical: By mode, the rows nearest to its centre, at most eight.
    """

    label: int
    rows: np.ndarray
    modes: np.ndarray
    silhouette: float
    typical: tuple[np.ndarray, ...]

    @property
    def count(self) -> int:
        """Number of modes."""
        return len(self.typical)


def find_modes(index: VectorIndex, label: int, seed: int) -> Modes | None:
    """Clusters the rows of a class by k-means.

    Vectors have length 1, and 50 principal components. Of 2 to 6 clusters,
    each of at least 5% of the rows, the number with the greatest silhouette
    (Rousseeuw 1987, doi:10.1016/0377-0427(87)90125-7) counts if that is above
    0.25; otherwise, and below 10 rows, the class has one mode.

    Args:
        index: Rows of a run. Of more than 1,000 of the class, 1,000 are drawn.
        label: The class.
        seed: Seed of the draw and of the clusters.

    Returns:
        `None` if no row has the label.
    """
    rng = np.random.default_rng([seed, label])
    rows = rng.permutation(np.flatnonzero(index.labels == label))[:_MOST_ROWS]
    if not len(rows):
        return None
    rows.sort()
    points = _points(index.vectors[rows], seed)
    best, silhouette = np.zeros(len(rows), int), -1.0
    most = _MOST_MODES if len(rows) >= _LEAST_ROWS else 1
    for count in range(2, most + 1):
        found = sklearn.cluster.KMeans(
            count, n_init=_STARTS, random_state=seed
        ).fit_predict(points)
        sizes = np.bincount(found, minlength=count)
        if sizes.min() < max(2, _LEAST_SHARE * len(rows)):
            continue
        score = float(sklearn.metrics.silhouette_score(points, found))
        if score > silhouette:
            best, silhouette = found, score
    if silhouette <= _LEAST_SILHOUETTE:
        best = np.zeros(len(rows), int)
    order = np.argsort(-np.bincount(best), kind="stable")
    modes = np.argsort(order)[best]
    return Modes(
        label,
        rows,
        modes,
        silhouette,
        tuple(
            rows[_nearest_to_centre(points, modes == mode)]
            for mode in range(len(order))
        ),
    )


def _points(vectors: np.ndarray, seed: int) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    if len(unit) == 1:
        return unit
    return sklearn.decomposition.PCA(
        min(_DIMENSIONS, *unit.shape), random_state=seed
    ).fit_transform(unit)


def _nearest_to_centre(
    points: np.ndarray, is_of_mode: np.ndarray
) -> np.ndarray:
    """Places among all points `(P,)`."""
    places = np.flatnonzero(is_of_mode)
    centre = points[places].mean(axis=0)
    distances = np.linalg.norm(points[places] - centre, axis=1)
    return places[np.argsort(distances, kind="stable")[:_NUM_TYPICAL]]
