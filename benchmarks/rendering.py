"""Times feature rows to images: ours, and pyDeepInsight's transform.

    python -m benchmarks.rendering --rows=10000 --features=4608

From raw rows to 50 x 50 grey images, scaling included, on the same random map.
Each side runs in its own process, in turn; ours also batch by batch, as records
are drawn, where no image is kept. The limit is the time to read the rows and
write the images once, at the rate of a plain copy.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks import command, measuring, peers, printing

_SHAPE = (50, 50)
_BATCH = 256


def _data(count: int, num_features: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((count, num_features), np.float32)
    return rows, rng.normal(size=(num_features, 2))


def prepare_ours(
    batch: int, count: int, num_features: int, clock: str
) -> measuring.Call:
    """Returns the call that draws all rows, `batch` of them at a time."""
    from text2image.deepinsight import pixel_map, render, scaling, statistics

    rows, points = _data(count, num_features)
    stats = statistics.FeatureStatistics.empty(num_features)
    stats.minimum, stats.maximum = rows.min(axis=0), rows.max(axis=0)
    stats.count = count
    scaler = scaling.fit_scaler("norm1", stats)
    renderer = render.Renderer(
        pixel_map.fit_pixel_map(points, _SHAPE, scaler, compat=True)
    )

    def draw() -> Iterator[np.ndarray]:
        for start in range(0, count, batch):
            yield renderer.render(rows[start : start + batch])

    return _best(draw, clock)


def prepare_deepinsight(
    count: int, num_features: int, clock: str
) -> measuring.Call:
    """The same with scikit-learn's scaler and pyDeepInsight."""
    import sklearn.preprocessing

    deepinsight: Any = peers.import_deepinsight()
    rows, points = _data(count, num_features)

    class Injected:
        def fit_transform(self, _: np.ndarray) -> np.ndarray:
            return points

    scaler = sklearn.preprocessing.MinMaxScaler(clip=True).fit(rows)
    transformer = deepinsight.ImageTransformer(Injected(), pixels=_SHAPE)
    transformer.fit(rows[:2])

    def draw() -> Iterator[np.ndarray]:
        yield transformer.transform(scaler.transform(rows), "scalar")

    return _best(draw, clock)


def _best(
    draw: Callable[[], Iterator[np.ndarray]], clock: str
) -> measuring.Call:
    def draw_all() -> None:
        for _ in draw():
            pass

    def call() -> tuple[float, float]:
        total = sum(float(images.sum()) for images in draw())
        return measuring.alternate({"draw": draw_all}, 3, clock)["draw"], total

    return call


def main(argv: Sequence[str] | None = None) -> None:
    """Prints one row per side."""
    parser = command.parser(__doc__, rounds=2, without=("device", "threads"))
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--features", type=int, default=4608)
    flags = parser.parse_args(argv)

    command.prepare(flags, "scikit-learn", "pyDeepInsight")
    sides: dict[str, Any] = {
        "ours": functools.partial(prepare_ours, flags.rows),
        f"ours, {_BATCH} at a time": functools.partial(prepare_ours, _BATCH),
    }
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
    printing.print_table(
        ("side", "ms", "ours faster by", "of the limit", "MB above rows",
         "sum of pixels"),
        [
            (
                name,
                printing.number(1e3 * value, 0),
                printing.ratio(value, seconds["ours"]),
                f"{limit / value:.0%}",
                printing.number(peaks[name] / 1e6, 0),
                f"{sums[name]:.6g}",
            )
            for name, value in seconds.items()
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
