"""Fits the pixel map: ours, and pyDeepInsight with scikit-learn's t-SNE.

    python -m benchmarks.pixel_map --rows=10000 --features=4608

Each side runs in its own process, from the same rows: scaling, t-SNE of the
features by cosine distance, hull, rectangle, pixels. Without `--cls_records`
the rows are random, with features in correlated groups, as BERT's are. One
formula over all pairs gives the divergence of both. Memory is the peak above
the rows themselves, which ours does not need to hold: it reads batches, from
records or, as here, from the array.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks import command, measuring, peers, printing

_BATCH = 1024


def make_rows(
    count: int, num_features: int, cls_records: str | None
) -> np.ndarray:
    """`(count, num_features)` float32."""
    if cls_records:
        from tfrecords import reader

        batches = reader.read_records(cls_records, "train", batch_size=_BATCH)
        stacks = np.concatenate([batch["stack"].numpy() for batch in batches])
        return stacks.reshape(len(stacks), -1)[:count]
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(64, num_features)).astype(np.float32)
    rows = np.empty((count, num_features), np.float32)
    for start in range(0, count, _BATCH):
        part = rows[start : start + _BATCH]
        part[:] = rng.normal(size=(len(part), 64)).astype(np.float32) @ factors
        part += rng.standard_normal(part.shape, np.float32)
    return rows


def fit_gram(rows: np.ndarray, kind: str) -> tuple[Any, np.ndarray]:
    """Returns the scaler, and the `(F, F)` Gram matrix of scaled features."""
    from text2image.deepinsight import scaling, statistics

    batches = [rows[i : i + _BATCH] for i in range(0, len(rows), _BATCH)]
    stats = statistics.FeatureStatistics.empty(rows.shape[1])
    for batch in batches:
        stats.update(batch)
    scaler = scaling.fit_scaler(kind, stats)
    mean = stats.total / stats.count
    gram = statistics.GramMatrix(scaler.transform(mean[None])[0])
    for batch in batches:
        gram.update(scaler.transform(batch))
    return scaler, gram.matrix()


def prepare_ours(
    tsne_method: str,
    count: int,
    features: int,
    cls_records: str | None,
    device: str = "cpu",
) -> measuring.Call:
    """Returns the call that gives the features' points `(F, 2)`."""
    from text2image.deepinsight import pixel_map, projection, tsne

    del tsne  # loads numba, as the peer's libraries are loaded: untimed
    rows = make_rows(count, features, cls_records)

    def fit() -> np.ndarray:
        scaler, gram = fit_gram(rows, "norm1")
        points, _ = projection.project(
            gram,
            projection.Projection(
                method="tsne",
                metric="cosine",
                tsne_method=tsne_method,
                device=device,
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

    deepinsight: Any = peers.import_deepinsight()
    rows = make_rows(count, features, cls_records)

    def fit() -> np.ndarray:
        tsne = sklearn.manifold.TSNE(metric="cosine", random_state=0, n_jobs=-1)
        scaled = sklearn.preprocessing.MinMaxScaler().fit_transform(rows)
        deepinsight.ImageTransformer(tsne, pixels=(50, 50)).fit(scaled)
        return np.asarray(tsne.embedding_)

    return fit


def prepare_divergence(
    points_of: dict[str, np.ndarray],
    count: int,
    features: int,
    cls_records: str | None,
) -> measuring.Call:
    """Returns the call that gives each layout's KL divergence.

    One formula for all: every pair, affinities and divergence as scikit-learn's
    exact t-SNE computes them.
    """
    import scipy.spatial.distance
    import sklearn.manifold._t_sne as exact
    import sklearn.metrics

    rows = make_rows(count, features, cls_records)
    low = rows.min(axis=0)
    scaled = (rows - low) / (rows.max(axis=0) - low)

    def divergence() -> dict[str, float]:
        distances = sklearn.metrics.pairwise_distances(
            scaled.T, metric="cosine"
        )
        joint = exact._joint_probabilities(np.square(distances), 30.0, 0)
        divergences = {}
        for name, points in points_of.items():
            apart = 1.0 + scipy.spatial.distance.pdist(points, "sqeuclidean")
            q = (1.0 / apart) / (2.0 / apart).sum()
            divergences[name] = float(2.0 * (joint * np.log(joint / q)).sum())
        return divergences

    return divergence


def main(argv: Sequence[str] | None = None) -> None:
    """Prints one row per side."""
    parser = command.parser(__doc__, without=("device", "threads", "rounds"))
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--features", type=int, default=4608)
    parser.add_argument("--cls_records", default=None)
    parser.add_argument(
        "--barnes_hut", action="store_true", help="Also time ours with it."
    )
    flags = parser.parse_args(argv)

    command.prepare(flags, "scikit-learn", "pyDeepInsight")
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
        prepare_divergence,
        {name: points for name, (points, _, _) in sides.items()},
        *shape,
    )
    our_seconds = sides["ours"][1]
    printing.print_table(
        ("side", "seconds", "ours faster by", "KL divergence", "MB above rows"),
        [
            (
                name,
                printing.number(seconds),
                printing.ratio(seconds, our_seconds),
                f"{divergence[name]:.4f}",
                printing.number(peak / 1e6, 0),
            )
            for name, (_, seconds, peak) in sides.items()
        ],
    )


if __name__ == "__main__":
    main()
