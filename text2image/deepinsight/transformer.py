"""DeepInsight as scikit-learn's transformer: rows of numbers to images.

For tables as well as texts, in a `Pipeline` in the place of pyDeepInsight's
`ImageTransformer`.
"""

from typing import Any, Self

import numpy as np
import sklearn.base
import sklearn.utils
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from text2image import options
from text2image.deepinsight import (
    feature_places,
    parameters,
    pixel_map,
    projection,
    render,
    scaling,
    statistics,
)
from text2image.python_errors import in_python_terms

# Rows added up at a time; as the records do, for the same bits.
_BATCH = 1024


def _is_flat(estimator: "DeepInsight") -> bool:
    return estimator.flat


class DeepInsight(sklearn.base.TransformerMixin, sklearn.base.BaseEstimator):
    """Draws rows of F features as images `(N, H, W, C)` in [0, 1].

    Sharma et al. 2019, doi:10.1038/s41598-019-47765-6: features, not rows, are
    projected to the plane; each gets the pixel at its place. The parameters are
    those of the command's records, with the values of its presets, and the
    same rows give the same images, bit for bit.

    Attributes:
        pixel_map_: The fitted map; `text2image.deepinsight.figures` draws it.
        scaler_: The fitted scaler; `None` if there is none.
        feature_map_: `(F,)` structured array: `feature` (its name or number),
            `row`, `column` and `channel`.
        n_features_in_: F.
    """

    def __init__(
        self,
        *,
        scaler: str | None = "standard",
        projection: Any = "tsne",
        assignment: str = "lsa",
        channels: Any = "grey",
        image_height: int = 50,
        image_width: int = 50,
        fill: str = "zero",
        layout: str = "fitted",
        metric: str = "euclidean",
        perplexity: float | None = None,
        tsne_method: str = "exact",
        tsne_init: str = "pca",
        tsne_learning_rate: float = 0.0,
        tsne_iterations: int = 1000,
        compat: bool = False,
        random_state: Any = 0,
        flat: bool = False,
    ) -> None:
        """Keeps the parameters.

        Args:
            scaler: One of `options.SCALERS`, fitted to the rows; `None` draws
                the values as they are.
            projection: `tsne`, `pca`, `kernel_pca`, `umap`, `random`, an array
                of coordinates `(F, 2)`, or any object whose `fit_transform`
                takes `(F, N)` to these, such as a manifold of scikit-learn.
            assignment: `lsa`: a pixel per feature; `bin`: features that share
                a pixel are averaged.
            channels: `grey`: one; `layers`: three, for the first, middle and
                last third of the features; or an array, the channel of each
                feature `(F,)`.
            image_height: H.
            image_width: W.
            fill: Value of pixels without a feature: `zero`, or that of the
                `nearest` pixel.
            layout: `fitted`, or `shuffled` over the same pixels.
            metric: Distance of t-SNE: `euclidean` or `cosine`.
            perplexity: t-SNE's, below F; `None`: 30, or a third of few
                features.
            tsne_method: `exact` or `barnes_hut`.
            tsne_init: Start of t-SNE: `pca` or `random`.
            tsne_learning_rate: 0: F / 48, at least 50.
            tsne_iterations: Steps of t-SNE.
            compat: Whether to lay out as pyDeepInsight 0.2.3 does, see
                `pixel_map.fit_pixel_map`.
            random_state: Seed of t-SNE's start, of `umap` and `random`, and of
                a shuffled layout.
            flat: Whether images are rows `(N, H * W * C)`, as classifiers of
                scikit-learn take them.
        """
        self.scaler = scaler
        self.projection = projection
        self.assignment = assignment
        self.channels = channels
        self.image_height = image_height
        self.image_width = image_width
        self.fill = fill
        self.layout = layout
        self.metric = metric
        self.perplexity = perplexity
        self.tsne_method = tsne_method
        self.tsne_init = tsne_init
        self.tsne_learning_rate = tsne_learning_rate
        self.tsne_iterations = tsne_iterations
        self.compat = compat
        self.random_state = random_state
        self.flat = flat

    @in_python_terms()
    def fit(self, X: Any, y: Any = None) -> Self:
        """Fits scaler and map.

        Args:
            X: `(N, F)` numbers, N >= 2 and F >= 3; stacks `(N, L, D)` are
                flattened.
            y: Ignored.

        Raises:
            ValueError: If a value is not finite, a parameter is refused, or
                fewer than three features differ.
        """
        rows = self._rows(X, reset=True)
        parameters.check(self)
        stats = statistics.FeatureStatistics.empty(rows.shape[1])
        for batch in _batches(rows):
            stats.update(batch)
        parameters.check_range(stats.minimum, stats.maximum)
        self.scaler_ = None
        if self.scaler is not None:
            self.scaler_ = scaling.fit_scaler(self.scaler, stats)
        seed = self._seed()
        self.pixel_map_ = pixel_map.fit_pixel_map(
            self._project(rows, stats.total / stats.count, seed),
            (self.image_height, self.image_width),
            self.scaler_ or _unit_scaler(rows.shape[1]),
            channel=feature_places.channels_of(self.channels, rows.shape[1]),
            assignment=self.assignment,
            fill=self.fill,
            shuffle_seed=seed if self.layout == "shuffled" else None,
            compat=self.compat,
        )
        names = getattr(self, "feature_names_in_", range(rows.shape[1]))
        self.feature_map_ = feature_places.table(self.pixel_map_, names)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Draws images.

        Args:
            X: `(N, F)` numbers, or stacks `(N, L, D)`.

        Returns:
            `(N, H, W, C)` float32, or `(N, H * W * C)` if `flat`; pixels that
            show no feature are 0.
        """
        check_is_fitted(self)
        rows = self._rows(X, reset=False)
        if self.scaler_ is not None:
            images = render.Renderer(self.pixel_map_).render(rows)
        else:
            matrix = self.pixel_map_.averaging_matrix()
            images = (matrix @ rows.T.astype(np.float32)).T
        shape = () if self.flat else self.pixel_map_.image_shape
        return images.reshape(len(rows), *(shape or (-1,)))

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Reads the features back from images.

        Args:
            X: Images, `(N, H, W, C)` or flat.

        Returns:
            `(N, F)` float64 in the units of the rows that were drawn: exact up
            to float32 where a feature has a pixel of its own and its value was
            not clipped; else the mean of those that share the pixel.
        """
        check_is_fitted(self)
        images = np.asarray(X)
        shape = self.pixel_map_.image_shape
        if images.ndim == 2 and images.shape[1] == np.prod(shape):
            images = images.reshape(len(images), *shape)
        values = self.pixel_map_.inverse(images)
        if self.scaler_ is None:
            return values.astype(np.float64)
        return self.scaler_.inverse(values)

    @available_if(_is_flat)
    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names the pixels, `pixel_<row>_<column>_<channel>`; if `flat`.

        Args:
            input_features: Ignored: `feature_map_` says which feature is where.
        """
        check_is_fitted(self)
        return np.array(
            [
                "pixel_" + "_".join(map(str, place))
                for place in np.ndindex(self.pixel_map_.image_shape)
            ],
            object,
        )

    def _rows(self, given: Any, *, reset: bool) -> np.ndarray:
        if getattr(given, "ndim", 2) == 3:
            given = np.reshape(given, (len(given), -1))
        return validate_data(
            self,
            given,
            reset=reset,
            dtype=[np.float64, np.float32],
            ensure_min_samples=2 if reset else 1,
            ensure_min_features=3,
        )

    def _seed(self) -> int:
        if isinstance(self.random_state, int):
            return self.random_state
        generator = sklearn.utils.check_random_state(self.random_state)
        return int(generator.randint(2**31))

    def _project(
        self, rows: np.ndarray, mean: np.ndarray, seed: int
    ) -> np.ndarray:
        """Returns the coordinates of the features, `(F, 2)` float64."""
        features = rows.shape[1]
        given: Any = self.projection
        if not isinstance(given, str):
            if hasattr(given, "fit_transform"):
                given = given.fit_transform(self._scaled(rows).T)
            points = np.asarray(given, np.float64)
            if points.shape != (features, 2):
                raise ValueError(
                    f"`projection` must give coordinates ({features}, 2). "
                    f"Received: shape={points.shape}"
                )
            return points
        gram = statistics.GramMatrix(self._scaled(mean[None])[0])
        for batch in _batches(rows):
            gram.update(self._scaled(batch))
        perplexity = self.perplexity
        if perplexity is None:
            perplexity = options.default_perplexity(features)
        points, _ = projection.project(
            gram.matrix(),
            projection.Projection(
                method=given,
                tsne_method=self.tsne_method,
                metric=self.metric,
                perplexity=perplexity,
                init=self.tsne_init,
                learning_rate=self.tsne_learning_rate,
                max_iter=self.tsne_iterations,
                seed=seed,
            ),
        )
        return points

    def _scaled(self, rows: np.ndarray) -> np.ndarray:
        return rows if self.scaler_ is None else self.scaler_.transform(rows)

    def __sklearn_tags__(self) -> sklearn.utils.Tags:
        """Tells scikit-learn that images are float32."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _batches(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[i : i + _BATCH] for i in range(0, len(rows), _BATCH)]


def _unit_scaler(features: int) -> scaling.Scaler:
    """What a map without a scaler keeps: it leaves values in [0, 1] alone."""
    zeros, ones = np.zeros(features), np.ones(features)
    return scaling.Scaler("norm1", zeros, ones, zeros, ones)
