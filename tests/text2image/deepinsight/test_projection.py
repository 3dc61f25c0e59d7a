"""Projections from a Gram matrix, against scikit-learn on the rows."""

import importlib.util
import sys
import warnings

import numpy as np
import pytest
import sklearn.decomposition
import sklearn.manifold
import sklearn.metrics
import threadpoolctl
from hypothesis import given, settings
from hypothesis import strategies as st

from text2image import options
from text2image.deepinsight import (
    distances,
    principal_components,
    projection,
)

UMAP = pytest.param(
    "umap",
    marks=[
        pytest.mark.slow,  # numba compiles it for a quarter of a minute
        pytest.mark.skipif(
            importlib.util.find_spec("umap") is None,
            reason="umap-learn is not installed",
        ),
    ],
)
METHODS = [
    UMAP if method == "umap" else method for method in options.PROJECTIONS
]


@pytest.fixture(autouse=True)
def one_thread():
    """The bits depend on the threads; and tests beside these want some."""
    with threadpoolctl.threadpool_limits(1):
        yield


def features(count=60, rows=25, seed=0):
    """`(F, N)` in four groups, as the objects that are projected."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(4, rows)) * 4
    return centres[np.arange(count) % 4] + rng.normal(size=(count, rows))


@pytest.mark.parametrize("count", [4, 10, 11, 60])
def test_pca_equals_scikit_learns_up_to_sign(count):
    x = features(count)
    points, report = projection.project(
        x @ x.T, projection.Projection(method="pca")
    )
    pca = sklearn.decomposition.PCA(n_components=2, svd_solver="full")
    expected = pca.fit_transform(x)
    expected *= np.sign((expected * points).sum(axis=0))
    # The Gram matrix squares the condition number: half of float64's digits
    # of values of the order of 10 remain at worst; 1e-8 is seldom needed.
    np.testing.assert_allclose(points, expected, rtol=0, atol=1e-8)
    share = pca.explained_variance_ratio_.sum()
    assert report["explained_variance"] == pytest.approx(share, abs=1e-10)


@pytest.mark.parametrize("count", [4, 10, 60])
def test_kernel_pca_equals_scikit_learns_up_to_sign(count):
    x = features(count)
    apart = ((x[:, None] - x[None]) ** 2).sum(axis=-1)
    width = apart[~np.eye(count, dtype=bool)].mean()
    points, report = projection.project(
        x @ x.T, projection.Projection(method="kernel_pca")
    )
    pca = sklearn.decomposition.KernelPCA(
        kernel="rbf", gamma=1 / width, eigen_solver="dense"
    )
    expected = pca.fit_transform(x)[:, :2]
    expected *= np.sign((expected * points).sum(axis=0))
    np.testing.assert_allclose(points, expected, rtol=0, atol=1e-10)
    share = pca.eigenvalues_[:2].sum() / pca.eigenvalues_.sum()
    assert report["explained_variance"] == pytest.approx(share, abs=1e-10)


@pytest.mark.parametrize("method", [UMAP])
def test_umap_of_the_distances_is_umap_of_the_rows(method):
    import umap

    # Whole numbers: the distances are the same to the last bit, which matters
    # to a chaotic optimisation.
    x = np.random.default_rng(0).integers(-99, 99, (60, 4)).astype(float)
    points, report = projection.project(
        x @ x.T, projection.Projection(method=method, seed=3)
    )
    apart = sklearn.metrics.pairwise_distances(x)
    reference = umap.UMAP(metric="precomputed", random_state=3, n_jobs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = reference.fit_transform(apart)
    np.testing.assert_array_equal(points, expected)
    # The same neighbours as of the rows.
    graph = umap.UMAP(random_state=3, n_jobs=1).fit(x).graph_
    assert abs(graph - reference.graph_).max() < 1e-5
    assert report == {}


def test_umap_that_is_not_installed_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    x = features(20)
    with pytest.raises(ValueError, match=r"'text-as-image\[umap\]'"):
        projection.project(x @ x.T, projection.Projection(method="umap"))


def test_random_positions_are_uniform_whatever_the_features_are():
    settings_ = projection.Projection(method="random", seed=5)
    points, _ = projection.project(np.diag(np.arange(2000.0)), settings_)
    other, _ = projection.project(np.eye(2000), settings_)
    np.testing.assert_array_equal(points, other)
    for axis in points.T:
        counts, _ = np.histogram(axis, bins=4, range=(0, 1))
        assert counts.sum() == 2000
        assert (abs(counts - 500) < 100).all()  # five deviations


def test_the_sign_of_pca_is_fixed():
    x = features()
    points, _ = principal_components.principal_coordinates(x @ x.T)
    largest = points[np.abs(points).argmax(axis=0), [0, 1]]
    assert (largest > 0).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(3, 20))
def test_distances_from_the_gram_are_distances_of_the_rows(seed, count):
    x = features(count, seed=seed)
    squared = distances.squared_distances(x @ x.T)
    direct = ((x[:, None] - x[None]) ** 2).sum(axis=-1)
    # Differences of float64 sums of the order of 1,000.
    np.testing.assert_allclose(squared, direct, rtol=0, atol=1e-9)
    cosine = distances.cosine_distances(x @ x.T)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    np.testing.assert_allclose(cosine, 1 - unit @ unit.T, rtol=0, atol=1e-12)
    for each in (squared, cosine):
        assert (each >= 0).all()
        assert (np.diag(each) == 0).all()
        # scikit-learn checks symmetry to 1e-7 or so; the sums are the same.
        np.testing.assert_allclose(each, each.T, rtol=0, atol=1e-10)
    gram = x @ x.T
    gram = (gram + gram.T) / 2
    squared = distances.squared_distances(gram)
    np.testing.assert_array_equal(squared, squared.T)


def test_zero_features_have_cosine_distances():
    x = features(6)
    x[[1, 4]] = 0
    cosine = distances.cosine_distances(x @ x.T)
    assert cosine[1, 4] == 0
    np.testing.assert_array_equal(cosine[1, [0, 2, 3, 5]], 1.0)


def kl_of_sklearn(x, metric):
    tsne = sklearn.manifold.TSNE(
        metric=metric,
        init="pca" if metric == "euclidean" else "random",
        perplexity=10,
        max_iter=500,
        random_state=0,
    )
    tsne.fit_transform(x)
    return tsne.kl_divergence_


def uneven(count=48):
    """`(F, N)` along a line, crowded at one end: squared distances show."""
    rng = np.random.default_rng(0)
    place = np.sort(rng.exponential(size=(count, 1)) ** 3, axis=0)
    return place @ np.ones((1, 5)) + 0.01 * rng.normal(size=(count, 5))


@pytest.mark.parametrize("method", options.TSNE_METHODS)
@pytest.mark.parametrize(
    ("metric", "x"), [("euclidean", uneven()), ("cosine", features(48))]
)
def test_tsne_is_as_good_as_scikit_learns_on_the_rows(metric, x, method):
    points, report = projection.project(
        x @ x.T,
        projection.Projection(
            metric=metric, perplexity=10, max_iter=500, tsne_method=method
        ),
    )
    assert points.shape == (48, 2)
    assert points.dtype == np.float64
    # The coordinates depend on rounding, their quality does not: starts of
    # scikit-learn's differ by 0.002 of 0.04; squared distances give 0.08.
    assert report["kl_divergence"] == pytest.approx(
        kl_of_sklearn(x, metric), abs=0.01
    )


def test_tsne_keeps_groups_together():
    x = features(48)
    points, _ = projection.project(
        x @ x.T, projection.Projection(perplexity=10, max_iter=500)
    )
    squared = ((points[:, None] - points[None]) ** 2).sum(axis=-1)
    np.fill_diagonal(squared, np.inf)
    nearest = squared.argmin(axis=1)
    assert (nearest % 4 == np.arange(48) % 4).mean() > 0.95


@pytest.mark.parametrize("method", options.TSNE_METHODS)
@pytest.mark.parametrize("init", options.TSNE_INITS)
def test_same_settings_give_the_same_bytes(init, method):
    x = features(40)
    settings_ = projection.Projection(
        init=init, perplexity=5, max_iter=260, tsne_method=method
    )
    one, _ = projection.project(x @ x.T, settings_)
    other, _ = projection.project(x @ x.T, settings_)
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("method", METHODS)
def test_projections_repeat_to_the_byte(method):
    x = features(40)
    settings_ = projection.Projection(method=method, perplexity=5, seed=2)
    one, _ = projection.project(x @ x.T, settings_)
    other, _ = projection.project(x @ x.T, settings_)
    assert one.dtype == np.float64
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("method", [UMAP, "random"])
def test_another_seed_gives_other_positions(method):
    x = features(40)
    one, other = (
        projection.project(
            x @ x.T, projection.Projection(method=method, seed=seed)
        )[0]
        for seed in (0, 1)
    )
    assert not np.allclose(one, other)


def test_another_seed_gives_another_random_start():
    x = features(40)
    one, other = (
        projection.project(
            x @ x.T,
            projection.Projection(
                init="random", perplexity=5, max_iter=260, seed=seed
            ),
        )[0]
        for seed in (0, 1)
    )
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("method", METHODS)
def test_the_gram_matrix_is_not_modified(method):
    x = features(20)
    gram = x @ x.T
    before = gram.copy()
    projection.project(
        gram, projection.Projection(method=method, perplexity=5, max_iter=250)
    )
    np.testing.assert_array_equal(gram, before)


@pytest.mark.parametrize("method", options.PROJECTIONS)
@pytest.mark.parametrize(
    ("rows", "distinct"),
    [
        ([[1.0, 2.0]] * 5, 1),
        ([[1.0, 2.0], [3.0, 1.0]] * 3, 2),
        ([[0.0, 0.0]] * 4, 1),
    ],
)
def test_too_few_distinct_features_are_counted(method, rows, distinct):
    x = np.array(rows)
    with pytest.raises(ValueError, match=f"Received: {distinct} of {len(x)}"):
        projection.project(x @ x.T, projection.Projection(method=method))


@pytest.mark.parametrize("method", METHODS)
def test_constant_features_are_projected(method):
    x = features(30)
    x[[3, 7, 20]] = 0  # as norm1 scales constant features
    points, _ = projection.project(
        x @ x.T,
        projection.Projection(method=method, perplexity=5, max_iter=300),
    )
    assert np.isfinite(points).all()
    assert len(np.unique(points, axis=0)) >= 3


@pytest.mark.parametrize("perplexity", [0.0, -1.0, 20.0, 30.0])
def test_perplexity_must_be_below_the_number_of_features(perplexity):
    x = features(20)
    with pytest.raises(ValueError, match=r"`perplexity` must be in \(0, 20\)"):
        projection.project(
            x @ x.T, projection.Projection(perplexity=perplexity)
        )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("method", "isomap"),
        ("metric", "cityblock"),
        ("init", "spectral"),
        ("device", "tpu"),
    ],
)
def test_unknown_settings_are_refused(field, value):
    with pytest.raises(ValueError, match=f"`{field}` must be one of"):
        projection.Projection(**{field: value})


@pytest.mark.parametrize("method", options.PROJECTIONS)
def test_nan_in_the_gram_matrix_is_refused(method):
    x = features(20)
    gram = x @ x.T
    gram[3, 4] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        projection.project(
            gram, projection.Projection(method=method, perplexity=5)
        )
