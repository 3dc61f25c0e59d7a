"""Feature rows to pictures: ours, and pyDeepInsight's transform.

    python -m benchmarks.rendering --rows=10000 --features=4608

From raw rows to 50 x 50 grey pictures, scaling included, on the same random
map. Each side runs in a process of its own, in turn. The limit is the time
to read the rows and write the pictures once, at the rate of a plain copy.
"""

from typing import Any

import numpy as np

from benchmarks import measuring

_SHAPE = (50, 50)


def _data(count: int, num_features: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((count, num_features), np.float32)
    return rows, rng.normal(size=(num_features, 2))


def prepare_ours(count: int, num_features: int, clock: str) -> measuring.Call:
    """Returns the call that draws all rows."""
    from text2image import pixel_map, render, scaling, statistics

    rows, points = _data(count, num_features)
    stats = statistics.FeatureStatistics.empty(num_features)
    stats.minimum, stats.maximum = rows.min(axis=0), rows.max(axis=0)
    stats.count = count
    scaler = scaling.fit_scaler("norm1", stats)
    renderer = render.Renderer(
        pixel_map.fit_pixel_map(points, _SHAPE, scaler, compat=True)
    )

    def draw() -> np.ndarray:
        return renderer.render(rows)

    return _best(draw, clock)


def prepare_deepinsight(
    count: int, num_features: int, clock: str
) -> measuring.Call:
    """The same with scikit-learn's scaler and pyDeepInsight."""
    import sklearn.preprocessing

    from benchmarks import peers

    deepinsight: Any = peers.import_deepinsight()
    rows, points = _data(count, num_features)

    class Injected:
        def fit_transform(self, _: np.ndarray) -> np.ndarray:
            return points

    scaler = sklearn.preprocessing.MinMaxScaler(clip=True).fit(rows)
    transformer = deepinsight.ImageTransformer(Injected(), pixels=_SHAPE)
    transformer.fit(rows[:2])

    def draw() -> np.ndarray:
        return transformer.transform(scaler.transform(rows), "scalar")

    return _best(draw, clock)


def _best(draw: measuring.Call, clock: str) -> measuring.Call:
    def call() -> tuple[float, float]:
        first = float(draw().sum())
        return measuring.alternate({"draw": draw}, 3, clock)["draw"], first

    return call


def main() -> None:
    """Prints one row per side."""
    made = measuring.parser(__doc__, rounds=2)
    made.add_argument("--rows", type=int, default=10_000)
    made.add_argument("--features", type=int, default=4608)
    flags = made.parse_args()

    from benchmarks import peers

    sides = {"ours": prepare_ours}
    if peers.import_deepinsight() is not None:
        sides["pyDeepInsight"] = prepare_deepinsight
    seconds = dict.fromkeys(sides, np.inf)
    peaks = dict.fromkeys(sides, 0.0)
    sums: dict[str, float] = {}
    for _ in range(flags.rounds):
        for name, prepare in sides.items():
            (best, sums[name]), _, peak = measuring.in_fresh_process(
                prepare, flags.rows, flags.features, flags.clock
            )
            seconds[name] = min(seconds[name], best)
            peaks[name] = max(peaks[name], peak)
    moved = 4.0 * flags.rows * (flags.features + _SHAPE[0] * _SHAPE[1])
    limit = moved / measuring.copy_rate(flags.clock)
    print(
        f"{flags.rows} rows; reading and writing alone: {1e3 * limit:.0f} ms\n"
    )
    measuring.print_table(
        ("side", "ms", "ours faster by", "of the limit", "MB above rows",
         "sum of pixels"),
        [
            (
                name,
                measuring.number(1e3 * value, 0),
                measuring.ratio(value, seconds["ours"]),
                f"{limit / value:.0%}",
                measuring.number(peaks[name] / 1e6, 0),
                f"{sums[name]:.6g}",
            )
            for name, value in seconds.items()
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
