"""Projection of features to the plane: t-SNE (the paper's), PCA and others.

The projected objects are the F features; their N coordinates are the scaled
values in the N train rows. Only their (F, F) Gram matrix is needed, so neither
time nor memory depends on N.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from text2image import options
from text2image.deepinsight import distances, principal_components, umap_layout

_Embedded = tuple[np.ndarray, dict[str, float]]
_Progress = Callable[[int], object]


@dataclasses.dataclass(frozen=True)
class Projection:
    """Settings of the projection.

    Attributes:
        method: `tsne` (van der Maaten and Hinton 2008); `pca`; `kernel_pca`,
            see `principal_components`; `umap`, see `umap_layout`; or `random`:
            uniform in the unit square, whatever the features are.
        tsne_method: `exact` (`tsne.py`, all pairs) or `barnes_hut` (van der
            Maaten 2014, as scikit-learn approximates it).
        metric: Distance between features: `euclidean` (the published code)
            or `cosine` (pyDeepInsight's default). t-SNE only.
        perplexity: Effective number of neighbours in t-SNE; below F.
        init: Start of t-SNE: `pca` or `random`.
        learning_rate: Learning rate of t-SNE; 0 is scikit-learn's `auto`, the
            published code used 200.
        max_iter: Optimisation steps of t-SNE.
        seed: Seed of t-SNE's random start and of scikit-learn's solver, of
            `umap` and of `random`.
        device: Device of the steps of `exact`: `cpu`, or `gpu` for TensorFlow's
            first GPU.
    """

    method: str = "tsne"
    tsne_method: str = "exact"
    metric: str = "euclidean"
    perplexity: float = 30.0
    init: str = "pca"
    learning_rate: float = 0.0
    max_iter: int = 1000
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        """Refuses unknown values."""
        for field, allowed in (
            ("method", options.PROJECTIONS),
            ("tsne_method", options.TSNE_METHODS),
            ("metric", options.TSNE_METRICS),
            ("init", options.TSNE_INITS),
            ("device", ("cpu", "gpu")),
        ):
            if getattr(self, field) not in allowed:
                raise ValueError(
                    f"`{field}` must be one of {allowed}. Received: "
                    f"{getattr(self, field)!r}"
                )


def project(
    gram: np.ndarray,
    projection: Projection,
    *,
    progress: _Progress = lambda _: None,
) -> tuple[np.ndarray, dict[str, float]]:
    """Projects the features.

    The same Gram matrix and settings give the same coordinates on one kind of
    processor; with `barnes_hut`, only on the same number of threads.

    Args:
        gram: `(F, F)` float64, inner products of the features.
        projection: Settings of the projection.
        progress: Called with 1 after each step of the `exact` method.

    Returns:
        `(F, 2)` float64 coordinates (x, y), and figures for the report:
        `kl_divergence` for t-SNE, `explained_variance` for PCA and kernel
        PCA.

    Raises:
        ValueError: If a value is not finite, there are fewer than three
            distinct features, the perplexity is not below F, or UMAP is not
            installed.
    """
    if not np.isfinite(gram).all():
        raise ValueError("`gram` must be finite. Received NaN or infinity.")
    distinct = _count_distinct(gram)
    if distinct < 3:
        raise ValueError(
            "An image needs at least three distinct features. Received: "
            f"{distinct} of {len(gram)}. Use more layers or more train texts."
        )
    return _PROJECTIONS[projection.method](gram, projection, progress)


def _count_distinct(gram: np.ndarray) -> int:
    """Counts groups of coinciding features, up to rounding; stops at 3."""
    norms = np.diag(gram)
    # The products are float32's: see `statistics.GramMatrix`.
    tolerance = 1e-6 * max(float(norms.max()), 1e-300)
    remaining = np.ones(len(gram), dtype=bool)
    for group in range(3):
        if not remaining.any():
            return group
        one = int(remaining.argmax())
        remaining &= norms + norms[one] - 2.0 * gram[one] > tolerance
    return 3


def _start(gram: np.ndarray, projection: Projection) -> np.ndarray:
    """Returns the start, `(F, 2)` float32; scikit-learn's deviation, 1e-4."""
    if projection.init == "pca":
        points, _ = principal_components.principal_coordinates(gram)
        points /= np.std(points[:, 0])
    else:
        rng = np.random.default_rng(projection.seed)
        points = rng.standard_normal((len(gram), 2))
    return (1e-4 * points).astype(np.float32)


def _tsne(
    gram: np.ndarray, projection: Projection, progress: _Progress
) -> _Embedded:
    if not 0 < projection.perplexity < len(gram):
        raise ValueError(
            f"`perplexity` must be in (0, {len(gram)}), the number of "
            f"features. Received: {projection.perplexity}"
        )
    if projection.metric == "cosine":
        squared = distances.cosine_distances(gram)
        np.square(squared, out=squared)
    else:
        squared = distances.squared_distances(gram)
    return _TSNE[projection.tsne_method](
        squared, _start(gram, projection), projection, progress
    )


def _exact(
    squared: np.ndarray,
    start: np.ndarray,
    projection: Projection,
    progress: _Progress,
) -> _Embedded:
    # numba takes a second to import; PCA does not need it.
    from text2image.deepinsight import tsne

    points, divergence = tsne.embed(
        squared,
        start,
        perplexity=projection.perplexity,
        learning_rate=projection.learning_rate,
        max_iter=projection.max_iter,
        device=projection.device,
        progress=progress,
    )
    return points, {"kl_divergence": divergence}


def _barnes_hut(
    squared: np.ndarray,
    start: np.ndarray,
    projection: Projection,
    _: _Progress,
) -> _Embedded:
    # scikit-learn takes seconds to import; only the paper preset needs it.
    import sklearn.manifold

    tsne = sklearn.manifold.TSNE(
        n_components=2,
        metric="precomputed",
        perplexity=projection.perplexity,
        init=start if projection.init == "pca" else "random",
        learning_rate=projection.learning_rate or "auto",
        max_iter=projection.max_iter,
        random_state=projection.seed,
        n_jobs=-1,
    )
    points = tsne.fit_transform(np.sqrt(squared, out=squared))
    return points.astype(np.float64), {
        "kl_divergence": float(tsne.kl_divergence_)
    }


def _pca(gram: np.ndarray, _: Projection, __: _Progress) -> _Embedded:
    points, share = principal_components.principal_coordinates(gram)
    return points, {"explained_variance": share}


def _kernel_pca(gram: np.ndarray, _: Projection, __: _Progress) -> _Embedded:
    points, share = principal_components.kernel_coordinates(gram)
    return points, {"explained_variance": share}


def _umap(gram: np.ndarray, projection: Projection, _: _Progress) -> _Embedded:
    squared = distances.squared_distances(gram)
    return umap_layout.embed(np.sqrt(squared, out=squared), projection.seed), {}


def _random(
    gram: np.ndarray, projection: Projection, _: _Progress
) -> _Embedded:
    rng = np.random.default_rng(projection.seed)
    return rng.uniform(size=(len(gram), 2)), {}


# By `options.TSNE_METHODS`.
_TSNE = {"exact": _exact, "barnes_hut": _barnes_hut}
# By `options.PROJECTIONS`.
_PROJECTIONS = {
    "tsne": _tsne,
    "pca": _pca,
    "kernel_pca": _kernel_pca,
    "umap": _umap,
    "random": _random,
}
