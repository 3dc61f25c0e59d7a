"""Does the input pipeline keep up with the model?

    python -m benchmarks.multimodal_input --records=DIR --backbone=mobilenetv2

Reads multimodal records as training does when its maps do not fit in memory,
and prints: pictures per second of the pipeline alone, of the model's step
alone (the same batch again and again), of both together, and the share of the
time that the step waits for its input. The aim is under 5%.
"""

import pathlib
import time

from absl import app
from absl import flags as absl_flags

from tfrecords import command_line
from trainers.multimodal import config as train_config


def main(_: list[str]) -> None:
    """Measures and prints one table."""
    import itertools

    import keras
    import numpy as np

    from tfrecords import reader
    from trainers.multimodal import model, split_inputs, train

    values = absl_flags.FLAGS
    config = train_config.MultimodalTrainConfig(
        backbone=values.backbone,
        weights="random",
        image_size=values.image_size,
        batch_size=values.batch_size,
        frozen_fraction=values.frozen_fraction,
        cache_gb=0.0,
        records=values.records,
    )
    directory = pathlib.Path(values.records)
    manifest = reader.open_records(directory, kind="multimodal")
    models = model.build_models(
        config, manifest.schema.shape[-1], len(manifest.schema.label_names)
    )
    train.compile_model(config, models.whole, manifest.num_examples("train"))
    split = split_inputs.Streamed(
        directory, manifest, "train", config.image_size
    )

    def batches(epoch: int) -> "itertools.islice":
        return itertools.islice(
            split.epoch(config.batch_size, 0, epoch), values.steps
        )

    def step(batch: split_inputs.Batch) -> None:
        models.whole.train_on_batch(*batch[:2])

    first = next(iter(batches(0)))
    step(first)  # compiles

    start = time.perf_counter()
    count = sum(len(batch[1]) for batch in batches(1))
    pipeline = count / (time.perf_counter() - start)

    start = time.perf_counter()
    for _step in range(values.steps):
        step(first)
    alone = values.steps * config.batch_size / (time.perf_counter() - start)

    waited, count = 0.0, 0
    stream = iter(batches(2))
    batch = next(stream)  # the pipeline's start is paid once an epoch
    start = time.perf_counter()
    while batch is not None:
        step(batch)
        count += len(batch[1])
        before = time.perf_counter()
        batch = next(stream, None)
        waited += time.perf_counter() - before
    whole = time.perf_counter() - start

    print(f"{values.backbone}, {config.image_size} pixels, batches of", end=" ")
    print(f"{config.batch_size}, Keras {keras.__version__}, numpy", end=" ")
    print(np.__version__)
    print(f"pipeline alone  {pipeline:10.1f} pictures/s")
    print(f"step alone      {alone:10.1f} pictures/s")
    print(f"both            {count / whole:10.1f} pictures/s")
    print(f"waiting         {100 * waited / whole:10.2f} % of the time")


if __name__ == "__main__":
    command_line.prepare_process()
    absl_flags.DEFINE_string("records", None, "Multimodal records.")
    absl_flags.DEFINE_string("backbone", "mobilenetv2", "Image tower.")
    absl_flags.DEFINE_integer("image_size", 96, "Height and width.")
    absl_flags.DEFINE_integer("batch_size", 32, "Pictures a step.")
    absl_flags.DEFINE_integer("steps", 10, "Steps of each measurement.")
    absl_flags.DEFINE_float("frozen_fraction", 0.5, "Of the tower.")
    app.run(main)
