"""Measures whether the input pipeline keeps up with the model.

    python -m benchmarks.multimodal_input --records=DIR --backbone=mobilenetv2

Reads multimodal records as training does when its feature maps do not fit in
memory, and prints: images per second of the pipeline alone, of the model's
step alone (the same batch again and again), of both together, and the share of
the time that the step waits for its input. The aim is under 5%.
"""

import pathlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks import command, printing
from trainers.multimodal.config import TOWERS, MultimodalTrainConfig


def main(argv: Sequence[str] | None = None) -> None:
    """Measures and prints one table."""
    parser = command.parser(__doc__, without=("rounds", "clock"))
    parser.add_argument(
        "--records", required=True, help="Directory of multimodal records."
    )
    parser.add_argument(
        "--backbone", choices=tuple(TOWERS), default="mobilenetv2"
    )
    parser.add_argument("--image_size", type=int, default=96)
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument(
        "--steps", type=int, default=10, help="Per measurement."
    )
    parser.add_argument("--frozen_fraction", type=float, default=0.5)
    flags = parser.parse_args(argv)
    if flags.steps < 1:
        parser.error(f"--steps must be at least 1. Received: {flags.steps}")
    command.start(flags)
    from tfrecords import reader
    from trainers.multimodal import model, split_inputs, train

    config = MultimodalTrainConfig(
        backbone=flags.backbone,
        weights="random",
        image_size=flags.image_size,
        batch_size=flags.batch_size,
        frozen_fraction=flags.frozen_fraction,
        cache_gb=0.0,
        records=flags.records,
    )
    directory = pathlib.Path(flags.records)
    manifest = reader.open_records(directory, kind="multimodal")
    models = model.build_models(
        config, manifest.schema.shape[-1], len(manifest.schema.label_names)
    )
    train.compile_model(config, models.whole, manifest.num_examples("train"))
    split = split_inputs.Streamed(
        directory, manifest, "train", config.image_size
    )

    source = split.source(config.batch_size, 0)

    def batches(epoch: int) -> Iterator[Any]:
        return iter(source.dataset(epoch, epoch + 1).take(flags.steps))

    def step(batch: Any) -> None:
        models.whole.train_on_batch(*batch)

    first = next(batches(0))
    step(first)  # compiles

    start = time.perf_counter()
    count = sum(len(batch[1]) for batch in batches(1))
    pipeline = count / (time.perf_counter() - start)

    start = time.perf_counter()
    for _ in range(flags.steps):
        step(first)
    alone = flags.steps * len(first[1]) / (time.perf_counter() - start)

    waited, count = 0.0, 0
    stream = batches(2)
    batch = next(stream, None)  # the pipeline's start is paid once per epoch
    start = time.perf_counter()
    while batch is not None:
        step(batch)
        count += len(batch[1])
        before = time.perf_counter()
        batch = next(stream, None)
        waited += time.perf_counter() - before
    whole = time.perf_counter() - start

    print(
        f"{config.backbone}, {config.image_size} pixels, batches of "
        f"{config.batch_size}\n"
    )
    printing.print_table(
        ("", "images/s", "of the step alone"),
        [
            (name, printing.number(rate), printing.ratio(rate, alone))
            for name, rate in {
                "pipeline alone": pipeline,
                "step alone": alone,
                "both": count / whole,
            }.items()
        ],
    )
    print(f"waiting for input: {100 * waited / whole:.2f} % of the time")


if __name__ == "__main__":
    main()
