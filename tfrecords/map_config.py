"""Settings that turn stacks of vectors into images.

A field's metadata describes its flag. This module imports nothing heavy, so
that `--help` answers at once.
"""

import dataclasses
import functools

from text2image import options
from tfrecords import ranges
from tfrecords.settings import setting

_map = functools.partial(setting, group="map")
_reproduction = functools.partial(setting, group="reproduction")


@dataclasses.dataclass(frozen=True)
class MapConfig:
    """Settings of DeepInsight. See each field's help."""

    scaler: str = _map(
        "norm1",
        "Feature scaling: norm1 (min-max), norm2 (log), standard (mean +- 3 "
        "standard deviations).",
        options.SCALERS,
    )
    projection: str = _map(
        "tsne",
        "Projection of features to 2-D: t-SNE, PCA, kernel PCA (Gaussian), "
        "UMAP (pip install 'text-as-image[umap]'), or random positions.",
        options.PROJECTIONS,
    )
    tsne_method: str = _reproduction(
        "exact",
        "exact: t-SNE over all pairs, compiled. barnes_hut: scikit-learn's "
        "approximation, as in the published code; takes longer.",
        options.TSNE_METHODS,
    )
    metric: str = _reproduction(
        "euclidean",
        "Distance between features in t-SNE.",
        options.TSNE_METRICS,
    )
    perplexity: float = _map(
        30.0, "t-SNE's perplexity.", ranges.Range(above=0, most=10**5)
    )
    tsne_init: str = _reproduction(
        "pca", "Points that t-SNE starts from.", options.TSNE_INITS
    )
    tsne_learning_rate: float = _reproduction(
        0.0,
        "t-SNE's learning rate; 0: the number of features / 48, at least 50.",
        ranges.Range(least=0, most=10**6),
    )
    tsne_iterations: int = _map(
        1000,
        "t-SNE's optimisation steps.",
        # 250 are early exaggeration.
        ranges.Range(least=300, most=10**6),
    )
    assignment: str = _map(
        "bin",
        "How projected features get pixels: bin (features that share a pixel "
        "are averaged) or lsa (linear sum assignment: a pixel per feature).",
        options.ASSIGNMENTS,
    )
    fill: str = _reproduction(
        "zero",
        "Value of pixels without a feature: zero, or the nearest pixel's.",
        options.FILLS,
    )
    layout: str = _reproduction(
        "fitted",
        "fitted, or shuffled: the same pixels, features assigned to them at "
        "random (does the layout matter?).",
        options.LAYOUTS,
    )
    channels: str = _map(
        "grey",
        "grey: one channel. layers: three, for the first, middle and last "
        "third of the layers.",
        tuple(options.NUM_CHANNELS),
    )
    image_height: int = _map(50, "Rows of an image.", ranges.SIDE)
    image_width: int = _map(50, "Columns of an image.", ranges.SIDE)
    compat: bool = _reproduction(
        False,
        "Reproduce pyDeepInsight's rectangle and orientation instead of "
        "using the true minimum rectangle.",
    )
    map_seed: int = _reproduction(
        0,
        "Seed of t-SNE, of --projection=umap and random, and of "
        "--layout=shuffled.",
        ranges.SEED,
    )
