"""Time and peak memory of every stage against the number of texts.

    python -m benchmarks.growth --count=1000 --count=4000 --out=growth.png

Every stage and size runs in its own process. The encoder reads real texts (the
first of `--dataset`, repeated if they are few); the other stages read random
stacks with `--layers` vectors of `--hidden` numbers. The map is fitted by PCA
here: t-SNE's time and memory depend on the number of features alone (see
benchmarks.pixel_map).
"""

import pathlib
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks import command, measuring, operations, printing

_SHARD = 2048


def _directory(folder: str, kind: str, count: int) -> pathlib.Path:
    return pathlib.Path(folder) / kind / f"random_{count}" / "1.0.0"


def prepare_encode(
    encoder_name: str, dataset: str, data_dir: str | None, count: int
) -> measuring.Call:
    """Shard after shard through the encoder."""
    from text2image.bert import checkpoint, encoder

    bert = encoder.Encoder(checkpoint.locate(encoder_name), max_tokens=128)
    texts = command.read_texts(dataset, data_dir, count)
    bert.encode(texts[:_SHARD])  # compiles every shape

    def encode() -> None:
        for start in range(0, count, _SHARD):
            rows = range(start, min(start + _SHARD, count))
            bert.encode([texts[row % len(texts)] for row in rows])

    return encode


def prepare_write(
    folder: str, shape: tuple[int, int], count: int
) -> measuring.Call:
    """Random stacks to `cls` records."""
    from tfrecords import schema, writer

    record_schema = schema.cls_schema(shape, ("neg", "pos"))
    rng = np.random.default_rng(0)

    def serialized(start: int) -> Iterator[bytes]:
        for index in range(start, min(start + _SHARD, count)):
            stack = rng.standard_normal(shape, np.float32)
            yield record_schema.serialize(
                f"train-{index}", index % 2, stack, text="text"
            )

    def write() -> None:
        num_shards = {"train": -(-count // _SHARD), "validation": 1}
        with writer.RecordWriter(
            _directory(folder, "cls", count),
            record_schema,
            {"count": count},
            num_shards,
        ) as records:
            for shard in range(num_shards["train"]):
                records.write_shard("train", shard, serialized(shard * _SHARD))
            records.write_shard("validation", 0, serialized(count - 16))
            records.finish(
                "Random stacks.", {"audit": {}, "layers": list(range(shape[0]))}
            )

    return write


def prepare_map(folder: str, _: tuple[int, int], count: int) -> measuring.Call:
    """Statistics, projection and pixels of the train stacks."""
    from tfrecords import config, reader
    from tfrecords.stages import map_fitting

    directory = _directory(folder, "cls", count)
    manifest = reader.open_records(directory)
    settings = config.RecordsConfig(projection="pca")

    def fit_map() -> None:
        map_fitting.fit_pixel_map(
            settings,
            directory,
            manifest,
            {},
            directory=pathlib.Path(folder) / "sums",
        )

    return fit_map


def prepare_draw(
    folder: str, shape: tuple[int, int], count: int
) -> measuring.Call:
    """Stacks to `image` records, the map included."""
    from tfrecords import config, reader
    from tfrecords.stages import images

    settings = config.RecordsConfig(
        projection="pca", records_dir=f"{folder}/images_{count}"
    )
    directory = _directory(folder, "cls", count)
    reader.open_records(directory)

    def draw_all() -> None:
        images.prepare_images(settings, directory)

    return draw_all


def prepare_maps(folder: str, _: tuple[int, int], count: int) -> measuring.Call:
    """Images through the frozen slice, to disk."""
    from tfrecords import reader
    from trainers import config
    from trainers.network import model
    from trainers.runs import checkpoints
    from trainers.training import feature_cache

    records = pathlib.Path(folder, f"images_{count}")
    directory = next(records.glob("image/*/1.0.0"))
    manifest = reader.open_records(directory)
    train = config.TrainConfig(backbone="shufflenet", weights="random")
    models = model.build_models(train, manifest.schema.shape, 2)
    operations.set_fitted(models.features)

    def cache() -> None:
        feature_cache.FeatureCache(pathlib.Path(folder) / f"maps_{count}").fill(
            directory,
            manifest,
            models.features,
            checkpoints.variables(models.features),
        )

    return cache


STAGES: dict[str, Any] = {
    "write stacks": prepare_write,
    "map (PCA)": prepare_map,
    "map and images": prepare_draw,
    "feature maps (shufflenet, to disk)": prepare_maps,
}


def main(argv: Sequence[str] | None = None) -> None:
    """Prints one row per stage and size, and draws both curves."""
    parser = command.parser(__doc__, without=("device", "threads", "rounds"))
    parser.add_argument("--count", type=int, action="append")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--hidden", type=int, default=384)
    parser.add_argument("--encoder", default="mini", help="Empty: not timed.")
    parser.add_argument("--dataset", default="demo")
    parser.add_argument("--data_dir", default=None)
    parser.add_argument("--out", default="growth.png")
    flags = parser.parse_args(argv)
    command.prepare(flags)
    counts = sorted(flags.count or (1000, 4000))
    measured: dict[str, list[tuple[int, float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for count in counts:
            stages: dict[str, tuple[Any, ...]] = {
                name: (prepare, folder, (flags.layers, flags.hidden), count)
                for name, prepare in STAGES.items()
            }
            if flags.encoder:
                stages["encode"] = (
                    prepare_encode,
                    flags.encoder,
                    flags.dataset,
                    flags.data_dir,
                    count,
                )
            for name, work in stages.items():
                _, seconds, peak = measuring.in_fresh_process(
                    *work, clock=flags.clock
                )
                measured.setdefault(name, []).append((count, seconds, peak))
                print(f"{name}, {count}: {seconds:.1f} s, {peak / 1e6:.0f} MB")
    print()
    printing.print_table(
        ("stage", "texts", "seconds", "ms per text", "of the fewest's", "MB"),
        [
            (name, count, f"{seconds:.1f}", f"{1e3 * seconds / count:.2f}",
             printing.ratio(seconds / count, rows[0][1] / rows[0][0]),
             printing.number(peak / 1e6, 0))
            for name, rows in measured.items()
            for count, seconds, peak in rows
        ],
    )  # fmt: skip
    draw(measured, flags.out)


def draw(measured: dict[str, list[tuple[int, float, float]]], out: str) -> None:
    """Draws seconds and peak memory against the number of texts.

    Args:
        measured: Stage to its texts, seconds and bytes, for each size.
        out: The figure's file.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    axes = figure.subplots(1, 2)
    for name, rows in measured.items():
        counts, seconds, peaks = np.array(rows).T
        axes[0].plot(counts, seconds, marker="o", label=name)
        axes[1].plot(counts, peaks / 1e6, marker="o", label=name)
    axes[0].set(xlabel="texts", ylabel="seconds", xscale="log", yscale="log")
    axes[1].set(xlabel="texts", ylabel="peak MB above the start", ylim=0)
    axes[1].set_xscale("log")
    figure.legend(
        *axes[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=len(measured),
    )
    figure.savefig(out, dpi=120)
    print(f"drawn: {out}")


if __name__ == "__main__":
    main()
