"""Times every projection of features to the plane.

    python -m benchmarks.projections --rows=5000 --features=2304

Each runs in its own process, from the Gram matrix of the same scaled rows,
which is not timed: it is the same for all. Memory is the peak above that
matrix. UMAP's first layout compiles; it is timed after one of few points.
"""

from collections.abc import Sequence

import numpy as np

from benchmarks import command, measuring, pixel_map, printing
from text2image import options

_BATCH = 1024


def make_gram(rows: int, features: int) -> np.ndarray:
    """`(features, features)` float64, of rows in correlated groups."""
    from text2image.deepinsight import scaling, statistics

    values = pixel_map.make_rows(rows, features, None)
    batches = [values[i : i + _BATCH] for i in range(0, len(values), _BATCH)]
    stats = statistics.FeatureStatistics.empty(features)
    for batch in batches:
        stats.update(batch)
    scaler = scaling.fit_scaler("standard", stats)
    mean = stats.total / stats.count
    gram = statistics.GramMatrix(scaler.transform(mean[None])[0])
    for batch in batches:
        gram.update(scaler.transform(batch))
    return gram.matrix()


def prepare(method: str, rows: int, features: int) -> measuring.Call:
    """Returns the call that projects."""
    from text2image.deepinsight import projection

    settings = projection.Projection(method=method)
    projection.project(make_gram(200, 60), settings)  # imports and compiles
    gram = make_gram(rows, features)
    return lambda: projection.project(gram, settings)


def main(argv: Sequence[str] | None = None) -> None:
    """Prints one row per projection."""
    parser = command.parser(__doc__, without=("device", "threads", "rounds"))
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--features", type=int, default=2304)
    flags = parser.parse_args(argv)
    command.prepare(flags, "scikit-learn", "umap-learn")
    rows = []
    for method in options.PROJECTIONS:
        _, seconds, peak = measuring.in_fresh_process(
            prepare, method, flags.rows, flags.features, clock=flags.clock
        )
        rows.append(
            (
                method,
                printing.number(seconds),
                printing.number(peak / 1e6, 0),
            )
        )
    matrix = 8e-6 * flags.features**2
    print(f"the Gram matrix: {matrix:,.0f} MB")
    printing.print_table(("projection", "seconds", "MB above it"), rows)


if __name__ == "__main__":
    main()
