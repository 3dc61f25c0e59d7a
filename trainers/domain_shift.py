"""How far text images are from natural ones, layer by layer, in every slice.

    python -m trainers.domain_shift --images=FOLDER --dataset=reviews.csv

Records that exist are reused. Each slice's results are a file in the workdir;
after an interruption, run the same command to resume.
"""

import dataclasses
import pathlib
import sys
from collections.abc import Sequence

from absl import logging

from text2image.corpora import row_sources
from tfrecords import command_line, presets
from tfrecords.config import RecordsConfig
from tfrecords.devices import DeviceOptions
from tfrecords.settings import setting
from tfrecords.stages import map_checks
from trainers.config import TrainConfig
from trainers.shift.options import VARIANTS, ShiftOptions
from trainers.weights import sources


@dataclasses.dataclass(frozen=True)
class PresetOption:
    """Where the settings of the text images come from."""

    preset: str = setting(
        "demo",
        "Named settings of the text images, which any other flag overrides.",
        tuple(presets.RECORDS),
        group="common",
    )


PROGRAM = command_line.Program(
    "trainers.domain_shift",
    __doc__,
    settings=(PresetOption, ShiftOptions, RecordsConfig, DeviceOptions),
    presets=presets.RECORDS,
    without=("layout", "channels", "stacks"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Measures what is missing, and reports."""
    return command_line.main(PROGRAM, _run, argv, check=_check)


def _check(arguments: command_line.Arguments) -> None:
    """Refuses what can be refused before anything is computed."""
    options = arguments.settings(ShiftOptions)
    records = arguments.settings(RecordsConfig)
    if not options.images:
        raise command_line.UsageError(
            "Expected --images: a folder of natural images, or a TFDS "
            "dataset. Received: none."
        )
    arguments.refuse_ignored(
        [
            (
                ("sigma",),
                "smoothed" not in options.all_variants,
                "nothing is smoothed",
            )
        ]
    )
    for variant in options.all_variants:
        map_checks.check_records(
            dataclasses.replace(records, **VARIANTS[variant])
        )
    row_sources.check_parts(records.dataset, records.reading)
    for name, weights in options.weights_of.items():
        sources.check_source(weights)
        config = TrainConfig(backbone=name, upsample=options.upsample)
        config.check_image_size(records.image_height, records.image_width)


def _run(arguments: command_line.Arguments) -> None:
    from trainers.runs.holding import hold
    from trainers.shift import (
        measuring,
        natural_images,
        report,
        samples,
        text_images,
    )
    from trainers.training import loop
    from trainers.weights import load

    options = arguments.settings(ShiftOptions)
    records = arguments.settings(RecordsConfig)
    workdir = pathlib.Path(options.workdir)
    load.check_weights(options.weights_of.items())
    natural = natural_images.read_sample(
        options.images,
        2 * options.sample,
        options.seed,
        data_dir=records.data_dir,
        download=records.download,
    )
    texts = text_images.read_sample(
        records,
        options.all_variants,
        options.sample,
        options.seed,
        options.sigma,
    )
    images = samples.Samples(natural, texts)
    with hold(workdir, "slices"), loop.deterministic():
        results = measuring.measure(options, images, workdir)
        path = report.write(workdir, options, images, results)
    logging.info("domain shift: see %s", path)


if __name__ == "__main__":
    sys.exit(main())
