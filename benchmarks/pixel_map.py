"""Fits the pixel map: ours, and pyDeepInsight with scikit-learn's t-SNE.

    python -m benchmarks.pixel_map --rows=10000 --features=4608

Each side runs in a process of its own, from the same rows: scaling, t-SNE of
the features by cosine distance, hull, rectangle, pixels. Without
`--cls_records` the rows are made: features in correlated groups, as BERT's
are. The divergence of both is judged by one formula, over all pairs. Memory
is what rose above the rows themselves, which ours need not hold (it reads them
from records batch by batch; here too, from the array).
"""

from typing import Any

import numpy as np

from benchmarks import measuring

_BATCH = 1024


def make_rows(
    count: int, num_features: int, cls_records: str | None
) -> np.ndarray:
    """`(count, num_features)` float32."""
    if cls_records:
        from tfrecords import reader

        batches = reader.read_records(cls_records, "train", batch_size=_BATCH)
        found = [batch["stack"].numpy() for batch in batches]
        return np.concatenate(found).reshape(-1, found[0][0].size)[:count]
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(64, num_features)).astype(np.float32)
    rows = np.empty((count, num_features), np.float32)
    for start in range(0, count, _BATCH):
        part = rows[start : start + _BATCH]
        part[:] = rng.normal(size=(len(part), 64)).astype(np.float32) @ factors
        part += rng.standard_normal(part.shape, np.float32)
    return rows


def prepare_ours(
    tsne_method: str, count: int, features: int, cls_records: str | None
) -> measuring.Call:
    """Returns the call that gives the features' places."""
    from text2image.deepinsight import (
        pixel_map,
        projection,
        scaling,
        statistics,
        tsne,
    )

    del tsne  # loads numba, as the peer's libraries are loaded: untimed
    rows = make_rows(count, features, cls_records)

    def fit() -> np.ndarray:
        starts = range(0, len(rows), _BATCH)
        stats = statistics.FeatureStatistics.empty(rows.shape[1])
        for start in starts:
            stats.update(rows[start : start + _BATCH])
        scaler = scaling.fit_scaler("norm1", stats)
        mean = stats.total / stats.count
        gram = statistics.GramMatrix(scaler.transform(mean[None])[0])
        for start in starts:
            gram.update(scaler.transform(rows[start : start + _BATCH]))
        points, _ = projection.project(
            gram.matrix(),
            projection.Projection(
                method="tsne", metric="cosine", tsne_method=tsne_method
            ),
        )
        pixel_map.fit_pixel_map(points, (50, 50), scaler)
        return points

    return fit


def prepare_deepinsight(
    count: int, features: int, cls_records: str | None
) -> measuring.Call:
    """The same with pyDeepInsight, its own default t-SNE on all threads."""
    import sklearn.manifold
    import sklearn.preprocessing

    from benchmarks import peers

    deepinsight: Any = peers.import_deepinsight()
    rows = make_rows(count, features, cls_records)

    def fit() -> np.ndarray:
        tsne = sklearn.manifold.TSNE(metric="cosine", random_state=0, n_jobs=-1)
        scaled = sklearn.preprocessing.MinMaxScaler().fit_transform(rows)
        deepinsight.ImageTransformer(tsne, pixels=(50, 50)).fit(scaled)
        return np.asarray(tsne.embedding_)

    return fit


def prepare_judge(
    places: dict[str, np.ndarray],
    count: int,
    features: int,
    cls_records: str | None,
) -> measuring.Call:
    """Returns the call that gives each layout's KL divergence.

    By one formula for all: every pair, affinities and divergence as
    scikit-learn's exact t-SNE computes them.
    """
    import scipy.spatial.distance
    import sklearn.manifold._t_sne as exact
    import sklearn.metrics

    rows = make_rows(count, features, cls_records)
    low = rows.min(axis=0)
    scaled = (rows - low) / (rows.max(axis=0) - low)

    def judge() -> dict[str, float]:
        distances = sklearn.metrics.pairwise_distances(
            scaled.T, metric="cosine"
        )
        joint = exact._joint_probabilities(np.square(distances), 30.0, 0)
        found = {}
        for name, points in places.items():
            apart = 1.0 + scipy.spatial.distance.pdist(points, "sqeuclidean")
            q = (1.0 / apart) / (2.0 / apart).sum()
            found[name] = float(2.0 * (joint * np.log(joint / q)).sum())
        return found

    return judge


def main() -> None:
    """Prints one row per side."""
    made = measuring.parser(__doc__, rounds=1)
    made.add_argument("--rows", type=int, default=10_000)
    made.add_argument("--features", type=int, default=4608)
    made.add_argument("--cls_records", default=None)
    made.add_argument(
        "--barnes_hut", action="store_true", help="ours with it too"
    )
    flags = made.parse_args()

    from benchmarks import peers

    shape = (flags.rows, flags.features, flags.cls_records)
    sides: dict[str, Any] = {
        "ours": measuring.in_fresh_process(
            prepare_ours, "exact", *shape, clock=flags.clock
        ),
    }
    if flags.barnes_hut:
        sides["ours, barnes_hut"] = measuring.in_fresh_process(
            prepare_ours, "barnes_hut", *shape, clock=flags.clock
        )
    if peers.import_deepinsight() is not None:
        sides["pyDeepInsight"] = measuring.in_fresh_process(
            prepare_deepinsight, *shape, clock=flags.clock
        )
    divergence, _, _ = measuring.in_fresh_process(
        prepare_judge,
        {name: points for name, (points, _, _) in sides.items()},
        *shape,
    )
    own = sides["ours"][1]
    measuring.print_table(
        ("side", "seconds", "ours faster by", "KL divergence", "MB above rows"),
        [
            (
                name,
                measuring.number(seconds),
                measuring.ratio(seconds, own),
                f"{divergence[name]:.4f}",
                measuring.number(peak / 1e6, 0),
            )
            for name, (_, seconds, peak) in sides.items()
        ],
    )


if __name__ == "__main__":
    main()
