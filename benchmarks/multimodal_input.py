"""Does the input pipeline keep up with the model?

    python -m benchmarks.multimodal_input --records=DIR --backbone=mobilenetv2

Reads multimodal records as training does when its feature maps do not fit in
memory, and prints: images per second of the pipeline alone, of the model's
step alone (the same batch again and again), of both together, and the share of
the time that the step waits for its input. The aim is under 5%.
"""

import dataclasses
import functools
import itertools
import pathlib
import sys
import time
from collections.abc import Iterator, Sequence

from tfrecords import command_line
from tfrecords.settings import setting, validate
from trainers.multimodal.config import TOWERS, MultimodalTrainConfig

_common = functools.partial(setting, group="common")


@dataclasses.dataclass(frozen=True)
class Options:
    """What is measured."""

    records: str = _common("", "Directory of multimodal records.")
    backbone: str = _common("mobilenetv2", "Image tower.", tuple(TOWERS))
    image_size: int = _common(96, "Height and width of the images.")
    batch_size: int = _common(32, "Images per step.")
    steps: int = _common(10, "Steps of each measurement.")
    frozen_fraction: float = _common(0.5, "Share of the tower that is frozen.")

    def __post_init__(self) -> None:
        """Refuses values that cannot be measured."""
        validate(self, least={"steps": 1})


PROGRAM = command_line.Program(
    "benchmarks.multimodal_input", __doc__, settings=(Options,)
)


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints one table."""
    return command_line.main(PROGRAM, _run, argv)


def _run(arguments: command_line.Arguments) -> None:
    import keras
    import numpy as np

    from tfrecords import reader
    from trainers.multimodal import model, split_inputs, train

    options = arguments.settings(Options)
    config = MultimodalTrainConfig(
        backbone=options.backbone,
        weights="random",
        image_size=options.image_size,
        batch_size=options.batch_size,
        frozen_fraction=options.frozen_fraction,
        cache_gb=0.0,
        records=options.records,
    )
    directory = pathlib.Path(options.records)
    manifest = reader.open_records(directory, kind="multimodal")
    models = model.build_models(
        config, manifest.schema.shape[-1], len(manifest.schema.label_names)
    )
    train.compile_model(config, models.whole, manifest.num_examples("train"))
    split = split_inputs.Streamed(
        directory, manifest, "train", config.image_size
    )

    def batches(epoch: int) -> Iterator[split_inputs.Batch]:
        return itertools.islice(
            split.epoch(config.batch_size, 0, epoch), options.steps
        )

    def step(batch: split_inputs.Batch) -> None:
        models.whole.train_on_batch(*batch[:2])

    first = next(batches(0))
    step(first)  # compiles

    start = time.perf_counter()
    count = sum(len(batch[1]) for batch in batches(1))
    pipeline = count / (time.perf_counter() - start)

    start = time.perf_counter()
    for _step in range(options.steps):
        step(first)
    alone = options.steps * len(first[1]) / (time.perf_counter() - start)

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

    print(f"{config.backbone}, {config.image_size} pixels, batches of", end=" ")
    print(f"{config.batch_size}, Keras {keras.__version__}, numpy", end=" ")
    print(np.__version__)
    print(f"pipeline alone  {pipeline:10.1f} images/s")
    print(f"step alone      {alone:10.1f} images/s")
    print(f"both            {count / whole:10.1f} images/s")
    print(f"waiting         {100 * waited / whole:10.2f} % of the time")


if __name__ == "__main__":
    sys.exit(main())
