"""Epochs as users train them: on cached features, and of the paper's recipe."""

import dataclasses
import logging
import pathlib
import tempfile
import time
from typing import Any

import numpy as np
from absl import logging as absl_logging

from benchmarks import operations
from benchmarks.gpu_stages import limits
from benchmarks.gpu_stages.activity import Meter, Phase
from benchmarks.gpu_stages.report import Report
from text2image import devices
from tfrecords import reader, schema, writer
from trainers import config
from trainers.network import model
from trainers.training import train

_LABELS = ("neg", "pos")
# Epochs after the first, which also compiles.
_STEADY = 5


def features(report: Report, meter: Meter) -> None:
    """Trains the demo's network on cached features, in two sizes of batches."""
    count = 8_192 if devices.has_gpu() else 2_048
    settings = _preset("demo") | {"weights": "random", "epochs": 1 + _STEADY}
    with tempfile.TemporaryDirectory() as scratch:
        directory = pathlib.Path(scratch)
        records = _write_images(directory / "records", count, 3)
        for size in (32, 128):
            _train(
                report,
                meter,
                f"epoch on cached features, batches of {size}",
                settings | {"batch_size": size},
                records,
                directory,
            )


def paper(report: Report, meter: Meter) -> None:
    """Trains the published recipe: the slice runs in every step."""
    count = 6_400 if devices.has_gpu() else 64
    settings = _preset("paper") | {
        "backbone": "wide_resnet",
        "weights": "random",
        "epochs": 2,
        "eval_every": 0,
    }
    with tempfile.TemporaryDirectory() as scratch:
        directory = pathlib.Path(scratch)
        records = _write_images(directory / "records", count, 1)
        _train(
            report,
            meter,
            "epoch of the paper's recipe, 150 x 150",
            settings,
            records,
            directory,
        )


def _preset(name: str) -> dict[str, Any]:
    fields = {field.name for field in dataclasses.fields(config.TrainConfig)}
    preset = config.PRESETS[name]
    return {key: value for key, value in preset.items() if key in fields}


def _write_images(
    directory: pathlib.Path, count: int, channels: int
) -> pathlib.Path:
    """Writes records of random images of 50 x 50."""
    rng = np.random.default_rng(0)
    shape = (50, 50, channels)
    directory = directory / "image" / "random" / "1.0.0"
    record_schema = schema.image_schema(shape, _LABELS)
    counts = {"train": count, "validation": 32}
    with writer.RecordWriter(
        directory, record_schema, {"name": "random"}, dict.fromkeys(counts, 1)
    ) as records:
        for split, number in counts.items():
            images = rng.random((number, *shape), np.float32)
            records.write_shard(
                split,
                0,
                [
                    record_schema.serialize(
                        f"{split}-{index}", index % 2, image
                    )
                    for index, image in enumerate(images)
                ],
            )
        records.finish("Random images.", {"audit": {}})
    return directory


class _Epochs(logging.Handler):
    """Notes when the line of each epoch is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("epoch "):
            self.ends.append(time.perf_counter())


def _train(
    report: Report,
    meter: Meter,
    name: str,
    settings: dict[str, Any],
    records: pathlib.Path,
    directory: pathlib.Path,
) -> None:
    """Trains a run; an epoch is what passes between two lines of its log."""
    train_config = config.TrainConfig(image_records=str(records), **settings)
    report.at(name)
    epochs = _Epochs()
    logger = absl_logging.get_absl_logger()
    logger.addHandler(epochs)
    workdir = directory / f"run-{train_config.batch_size}"
    begin = time.perf_counter()
    try:
        train.train_and_evaluate(train_config, workdir)
    finally:
        logger.removeHandler(epochs)
    whole = time.perf_counter() - begin
    # All of them: a GPU's driver counts too coarsely for one.
    steady = meter.between(epochs.ends[0], epochs.ends[-1])
    count = len(epochs.ends) - 1
    steady = Phase(steady.seconds / count, steady.device / count)
    limit = limits.measure()
    report.set(limits=limit)
    images, flops, copied = _work(train_config, records)
    report.add(
        name,
        **steady.figures(),
        transfer=copied / limit["to_device"],
        items=images,
        unit="images",
        flops=flops,
        limit=limit["float32"],
        steps=images // train_config.batch_size,
        before_second_epoch=epochs.ends[0] - begin,
        whole_run=whole,
        epoch_seconds=np.diff(epochs.ends).tolist(),
    )


def _work(
    train_config: config.TrainConfig, records: pathlib.Path
) -> tuple[int, float, int]:
    """Counts an epoch: images, operations, and bytes of what trains."""
    manifest = reader.open_records(records, kind="image")
    shape = tuple(manifest.schema.shape)
    models = model.build_models(train_config, shape, len(_LABELS))
    frozen, trained = operations.model_flops(models)
    images = manifest.num_examples("train")
    is_cached = train_config.has_constant_maps
    flops = images * (3 * trained + (0 if is_cached else frozen))
    values = models.features.output.shape[1:] if is_cached else shape
    return images, flops, 4 * images * int(np.prod(values))
