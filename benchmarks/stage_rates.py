"""Rates and bytes of every stage at BERT base's size, for growth on paper.

    python -m benchmarks.stage_rates --out=rates.json
    python -m benchmarks.growth_on_paper --rates=rates.json

Stacks of 6 x 768 random numbers, texts of 250 tokens, images of 50 x 50. Times
are processor seconds per row, all threads added up, which other programs on the
machine disturb least; the best round counts. The encoder has random weights.
"""

import functools
import json
import math
import pathlib
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks import command, epoch, printing, random_bert
from benchmarks.measuring import best
from benchmarks.random_bert import WORD

_SHAPE = (6, 768)
_FEATURES = math.prod(_SHAPE)
_ROWS = 2048  # of a shard
_TOKENS = 250
_ROUNDS = 3
_WORDS = 20_000  # of the vocabulary


def _encode(folder: pathlib.Path, clock: str) -> float:
    """Seconds per text of the encoder, tokenisation included."""
    from text2image.bert.encoder import Encoder

    random_bert.write(folder, random_bert.BERT_BASE)
    bert = Encoder(str(folder), layers="last6", max_tokens=512)
    rng = np.random.default_rng(0)
    texts = [
        " ".join(map(WORD.format, rng.integers(0, _WORDS, _TOKENS - 2)))
        for _ in range(12)
    ]
    return best(lambda: bert.encode(texts), 2, clock) / len(texts)


def _split(folder: pathlib.Path, clock: str) -> float:
    """Seconds per text of the hashed split: survey, digests, repeats."""
    from text2image.corpora import hashed, ranges, repeats, surveys
    from text2image.corpora.rows import Reading

    rng = np.random.default_rng(0)
    path = folder / "texts.jsonl"
    with path.open("w") as file:
        for row in range(_ROWS):
            words = rng.integers(0, _WORDS, 130)
            text = " ".join(map(WORD.format, words))  # 1,300 characters
            file.write(json.dumps({"text": text, "label": row % 2}) + "\n")
    source = (str(path), None, Reading())
    (piece,) = ranges.cut(*source, 2 * _ROWS)
    index: dict[str | None, int] = {"0": 0, "1": 1}

    def split() -> None:
        count = ranges.count(*source, piece)
        (numbered,) = ranges.number([piece], [count])
        side_of = functools.partial(hashed.side_of, seed=0)
        surveys.survey(ranges.read(*source, numbered), "train", side_of)
        table = repeats.digest_table(
            ranges.read(*source, numbered), 0, 0, index
        )
        repeats.count_bucket(repeats.buckets_of(table, 1), ["train"])

    return best(split, _ROUNDS, clock) / _ROWS


def _records(
    folder: pathlib.Path, clock: str
) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds and bytes per row of records, and of what is made from them."""
    from text2image.deepinsight import pixel_map, scaling
    from text2image.deepinsight.render import Renderer
    from text2image.deepinsight.statistics import FeatureStatistics, GramMatrix
    from tfrecords import reader, schema, shard_checks
    from tfrecords.units import shard_files

    rng = np.random.default_rng(0)
    stacks = rng.standard_normal((_ROWS, *_SHAPE), np.float32)
    rows = stacks.reshape(_ROWS, _FEATURES)
    cls = schema.cls_schema(_SHAPE, ("neg", "pos"))
    path = folder / schema.shard_name("cls", "train", 0, 1)
    text = "x" * 1300

    def serialized() -> Iterator[bytes]:
        for row in range(_ROWS):
            yield cls.serialize(f"train-{row}", row % 2, stacks[row], text=text)

    def write() -> None:
        shard_files.settle(shard_files.write(path, serialized()), {})

    def read() -> None:
        shard_checks.forget()  # as a new process has
        for batch in reader.read_shard(folder, shard).batch(256):
            cls.parse(batch)["stack"].numpy()

    seconds = {"write stacks": best(write, _ROUNDS, clock)}
    mark = shard_files.finished(path)
    if mark is None:
        raise RuntimeError(f"{path} has no mark.")
    shard = mark.shard
    seconds["read stacks"] = best(read, _ROUNDS, clock)
    statistics = FeatureStatistics.empty(_FEATURES)
    seconds["statistics"] = best(
        lambda: statistics.update(rows), _ROUNDS, clock
    )
    scaler = scaling.fit_scaler("norm1", statistics)
    gram = GramMatrix(scaler.transform(rows[:1])[0])
    seconds["Gram matrix"] = best(
        lambda: gram.update(scaler.transform(rows)), _ROUNDS, clock
    )
    fitted = pixel_map.fit_pixel_map(
        rng.standard_normal((_FEATURES, 2)), (50, 50), scaler
    )
    renderer = Renderer(fitted)
    image = schema.image_schema((50, 50, 1), ("neg", "pos"))
    drawn = folder / schema.shard_name("image", "train", 0, 1)

    def draw() -> None:
        images = renderer.render(stacks)
        records = (
            image.serialize(f"train-{row}", row % 2, each)
            for row, each in enumerate(images)
        )
        shard_files.settle(shard_files.write(drawn, records), {})

    seconds["draw and write images"] = best(draw, _ROUNDS, clock)
    num_bytes = {
        "text": len(text),
        "stack record": path.stat().st_size / _ROWS,
        "image record": drawn.stat().st_size / _ROWS,
    }
    return {name: value / _ROWS for name, value in seconds.items()}, num_bytes


def _fixed(folder: pathlib.Path, clock: str) -> dict[str, float]:
    """Seconds that are spent once, per group or per shard."""
    from text2image.deepinsight import projection
    from text2image.deepinsight.statistics import GramMatrix
    from tfrecords import schema
    from tfrecords.units import arrays, shard_files

    rng = np.random.default_rng(0)
    gram = GramMatrix(np.full(_FEATURES, 0.5))
    gram.update(rng.random((6144, _FEATURES), np.float32))
    path = folder / "group.npz"
    np.savez(path, allow_pickle=False, **gram.to_arrays())
    merged = GramMatrix(np.full(_FEATURES, 0.5))

    def merge() -> None:
        merged.merge(arrays.read(path))

    matrix = gram.matrix()
    method = projection.Projection()
    shard = folder / schema.shard_name("image", "train", 0, 1)
    calls: dict[str, tuple[Callable[[], Any], int]] = {
        "merge of a group": (merge, 2),
        "map": (lambda: projection.project(matrix, method), 1),
        "mark": (
            lambda: [shard_files.finished(shard) for _ in range(1000)],
            2,
        ),
    }
    seconds = {
        name: best(call, rounds, clock)
        for name, (call, rounds) in calls.items()
    }
    seconds["mark"] /= 1000
    return seconds


def _train(
    folder: pathlib.Path, clock: str
) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds per image of feature maps and of an epoch, and bytes."""
    batch = 128
    models, images, _, _ = epoch.build("resnet", batch, "default")
    cached = models.features.predict_on_batch(images)
    steps = epoch.executions(
        models.classifier, cached, folder / "features.npy"
    )["resident"]
    seconds = {
        "feature maps": best(
            lambda: models.features.predict_on_batch(images), _ROUNDS, clock
        )
        / batch,
        "epoch": best(steps, _ROUNDS, clock) / (batch * 40),
    }
    return seconds, {"features of an image": cached[0].nbytes}


def _driver_bytes() -> float:
    """Bytes of the driver's memory per range: units, shards of the manifest."""
    from text2image.corpora.ranges import Range
    from text2image.corpora.spans import Span
    from tfrecords import schema
    from tfrecords.stages import dealing

    count = 10_000
    tracemalloc.start()
    pieces = tuple(
        Range("train", "", Span(n * 10**6, (n + 1) * 10**6, n * 2560, 2560))
        for n in range(count)
    )
    sizes = {name: [2048] * count for name in ("train", "validation")}
    units = dealing.units_of_ranges(pieces, sizes)
    shards = [
        schema.Shard(f"{unit.file}.", unit.size, n, f"{n:064x}")
        for n, unit in enumerate(units)
    ]
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del shards
    return used / count


def _training_bytes() -> float:
    """Bytes of a training's memory per text: id, label, place in the order."""
    count = 10_000
    tracemalloc.start()
    held = (
        [f"train-{row:07d}" for row in range(count)],
        np.zeros(count, np.int32),
        np.random.default_rng(0).permutation(count),
    )
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del held
    return used / count


def measure(clock: str) -> dict[str, Any]:
    """Returns seconds per row, seconds once, and bytes."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        per_row = {"split by hashes": _split(folder, clock)}
        of_records, num_bytes = _records(folder, clock)
        fixed = _fixed(folder, clock)
        of_training, feature_bytes = _train(folder, clock)
        per_row = {
            "encode": _encode(folder / "bert", clock),
            **per_row,
            **of_records,
            **of_training,
        }
    return {
        "clock": clock,
        "features": _FEATURES,
        "per_row": per_row,
        "once": fixed,
        "bytes": {
            **num_bytes,
            **feature_bytes,
            "driver, per range": _driver_bytes(),
            "training, per text": _training_bytes(),
        },
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Measures, prints and writes the rates."""
    parser = command.parser(__doc__, without=("rounds",))
    parser.set_defaults(clock="processor")
    parser.add_argument("--out", default="rates.json")
    flags = parser.parse_args(argv)
    command.start(flags)
    rates = measure(flags.clock)
    printing.print_table(
        ("stage", "ms per row", "rows/s"),
        [
            (name, f"{1e3 * value:.3f}", f"{1 / value:,.4g}")
            for name, value in rates["per_row"].items()
        ],
    )
    printing.print_table(
        ("once", "seconds"),
        [(name, f"{value:.4g}") for name, value in rates["once"].items()],
    )
    printing.print_table(
        ("what", "bytes"),
        [(name, f"{value:,.0f}") for name, value in rates["bytes"].items()],
    )
    pathlib.Path(flags.out).write_text(json.dumps(rates, indent=2) + "\n")


if __name__ == "__main__":
    main()
