"""Time and peak memory of every stage against the number of texts.

    python -m benchmarks.growth --count=1000 --count=4000 --out=growth.png

Every stage and size runs in a process of its own. The encoder reads real
texts (the first of `--dataset`, again and again if they are few); the other
stages read stacks of random numbers, as large as `--layers` and `--hidden`
say. The map is placed by PCA here: t-SNE's time and memory depend on the
number of features alone (see benchmarks.pixel_map).
"""

import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks import measuring

_SHARD = 2048


def _directory(folder: str, kind: str, count: int) -> pathlib.Path:
    return pathlib.Path(folder) / kind / f"made_{count}" / "1.0.0"


def prepare_encode(
    encoder_name: str, dataset: str, data_dir: str | None, count: int
) -> measuring.Call:
    """Shard after shard through the encoder."""
    import argparse

    from text2image.bert import checkpoint, encoder

    flags = argparse.Namespace(dataset=dataset, data_dir=data_dir, texts=count)
    bert = encoder.Encoder(checkpoint.locate(encoder_name), max_tokens=128)
    texts = measuring.read_texts(flags)
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

    made = schema.cls_schema(shape, ("neg", "pos"))
    rng = np.random.default_rng(0)

    def serialized(start: int) -> Iterator[bytes]:
        for index in range(start, min(start + _SHARD, count)):
            stack = rng.standard_normal(shape, np.float32)
            yield made.serialize(
                f"train-{index}", index % 2, stack, text="text"
            )

    def write() -> None:
        num_shards = {"train": -(-count // _SHARD), "validation": 1}
        with writer.RecordWriter(
            _directory(folder, "cls", count), made, {"count": count}, num_shards
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
        map_fitting.fit_pixel_map(settings, directory, manifest, {})

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
    """Pictures through the frozen slice, to memory or disk."""
    from tfrecords import reader
    from trainers import config
    from trainers.network import model
    from trainers.runs import checkpoints
    from trainers.training import feature_cache

    found = pathlib.Path(folder, f"images_{count}").glob("image/*/1.0.0")
    directory = next(found)
    manifest = reader.open_records(directory)
    made = config.TrainConfig(backbone="shufflenet", weights="random")
    models = model.build_models(made, manifest.schema.shape, 2)

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
    "map and pictures": prepare_draw,
    "frozen maps (shufflenet, to disk)": prepare_maps,
}


def main() -> None:
    """Prints one row per stage and size, and draws both curves."""
    made = measuring.parser(__doc__, rounds=1)
    made.add_argument("--count", type=int, action="append")
    made.add_argument("--layers", type=int, default=6)
    made.add_argument("--hidden", type=int, default=384)
    made.add_argument("--encoder", default="mini", help="'' leaves it out")
    made.add_argument("--dataset", default="demo")
    made.add_argument("--data_dir", default=None)
    made.add_argument("--out", default="growth.png")
    flags = made.parse_args()

    counts = sorted(flags.count or (1000, 4000))
    found: dict[str, list[tuple[int, float, float]]] = {}
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
                found.setdefault(name, []).append((count, seconds, peak))
                print(f"{name}, {count}: {seconds:.1f} s, {peak / 1e6:.0f} MB")
    print()
    measuring.print_table(
        ("stage", "texts", "seconds", "ms a text", "MB"),
        [
            (name, count, f"{seconds:.1f}", f"{1e3 * seconds / count:.2f}",
             measuring.number(peak / 1e6, 0))
            for name, rows in found.items()
            for count, seconds, peak in rows
        ],
    )  # fmt: skip
    _plot(found, flags.out)


def _plot(found: dict[str, list[tuple[int, float, float]]], out: str) -> None:
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for name, rows in found.items():
        counts, seconds, peaks = np.array(rows).T
        axes[0].plot(counts, seconds, marker="o", label=name)
        axes[1].plot(counts, peaks / 1e6, marker="o", label=name)
    axes[0].set(xlabel="texts", ylabel="seconds", xscale="log", yscale="log")
    axes[1].set(xlabel="texts", ylabel="peak MB above the start", ylim=0)
    axes[1].set_xscale("log")
    figure.legend(
        *axes[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=len(found),
    )
    figure.savefig(out, dpi=120)
    print(f"drawn: {out}")


if __name__ == "__main__":
    main()
