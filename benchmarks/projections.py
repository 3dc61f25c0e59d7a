"""Times every projection of features to the plane.

    python -m benchmarks.projections --rows=5000 --features=2304

Each runs in its own process, from the Gram matrix of the same scaled rows,
which is not timed: it is the same for all. Memory is the peak above that
matrix. UMAP's first layout compiles; it is timed after one of few points.
"""

from collections.abc import Sequence

import numpy as np

from benchmarks import command, measuring, peers, pixel_map, printing
from text2image import options


def make_gram(rows: int, features: int) -> np.ndarray:
    """`(features, features)` float64, of rows in correlated groups."""
    return pixel_map.fit_gram(
        pixel_map.make_rows(rows, features, None), "standard"
    )[1]


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
    has_umap = peers.import_peer("umap") is not None
    measured = {
        method: measuring.in_fresh_process(
            prepare, method, flags.rows, flags.features, clock=flags.clock
        )
        for method in options.PROJECTIONS
        if method != "umap" or has_umap
    }
    _, base, _ = measured["tsne"]
    matrix = 8e-6 * flags.features**2
    print(f"the Gram matrix: {matrix:,.0f} MB")
    printing.print_table(
        ("projection", "seconds", "of t-SNE's", "MB above it"),
        [
            (
                method,
                printing.number(seconds),
                printing.ratio(seconds, base),
                printing.number(peak / 1e6, 0),
            )
            for method, (_, seconds, peak) in measured.items()
        ],
    )


if __name__ == "__main__":
    main()
