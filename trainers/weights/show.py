r"""Draws the first filters of a slice and the feature maps of an image.

    python -m trainers.weights.show --backbone=vgg16 --weights=PATH \
        --image_records=DIR --out=figures

Writes filters.png and, if an image is named, maps.png (the paper's Fig. 8).
"""

import dataclasses
import functools
import pathlib
import sys
from collections.abc import Sequence

from absl import logging

from tfrecords import command_line, paths, ranges
from tfrecords.devices import DeviceOptions
from tfrecords.settings import setting, validate
from trainers import backbones

_common = functools.partial(setting, group="common")
_REQUIRED = ("backbone", "weights", "out")


@dataclasses.dataclass(frozen=True)
class ShowOptions:
    """What is drawn, and where the figures go."""

    backbone: str = _common(
        "", "Architecture of the slice.", tuple(sorted(backbones.BACKBONES))
    )
    weights: str = _common("", "imagenet, cifar10, random or a file.")
    out: str = _common("", "Directory of the figures.")
    image: str = _common("", "Image file whose feature maps are drawn.")
    image_records: str = _common(
        "", "Or the directory of image records, one of which is drawn."
    )
    split: str = _common("validation", "Split of the records.")
    index: int = _common(
        0, "Position of the record in its split.", ranges.LIMIT
    )
    upsample: int = _common(
        1, "Factor by which the image is enlarged.", ranges.ENLARGEMENT
    )

    def __post_init__(self) -> None:
        """Refuses numbers that are not legal."""
        validate(self)


PROGRAM = command_line.Program(
    "trainers.weights.show",
    __doc__,
    settings=(ShowOptions, DeviceOptions),
    resumes=False,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the figures."""
    return command_line.main(PROGRAM, _run, argv, check=_check)


def _check(arguments: command_line.Arguments) -> None:
    for name in _REQUIRED:
        if name not in arguments.typed:
            raise command_line.UsageError(f"Expected --{name}. Received: none.")
    options = arguments.settings(ShowOptions)
    if options.image and options.image_records:
        raise command_line.UsageError(
            "Expected --image or --image_records. Received: both."
        )
    has_image = bool(options.image or options.image_records)
    arguments.refuse_ignored(
        [
            (
                ("split", "index"),
                not options.image_records,
                "there are no --image_records",
            ),
            (("upsample",), not has_image, "no image is named"),
        ]
    )


def _run(arguments: command_line.Arguments) -> None:
    from tfrecords import files
    from trainers.backbones.slices import build_slice
    from trainers.weights import filters_and_maps, load

    options = arguments.settings(ShowOptions)
    backbone = backbones.get_backbone(options.backbone)
    slice_ = build_slice(backbone)
    load.load_weights(slice_, backbone, options.weights)
    figures = {
        "filters.png": filters_and_maps.draw_filters(
            filters_and_maps.first_filters(slice_, backbone),
            f"{backbone.title}, first convolution",
        )
    }
    image = None
    if options.image:
        image = filters_and_maps.read_image(pathlib.Path(options.image))
    elif options.image_records:
        image = filters_and_maps.read_record(
            paths.open_path(options.image_records), options.split, options.index
        )
    if image is not None:
        factor = options.upsample
        image = image.repeat(factor, 0).repeat(factor, 1)
        maps = filters_and_maps.feature_maps(slice_, backbone, image)
        figures["maps.png"] = filters_and_maps.draw_maps(
            image, maps, backbone.title
        )
    out = pathlib.Path(options.out)
    files.make_directory(out, "out")
    for name, figure in figures.items():
        save = functools.partial(figure.savefig, dpi=100, format="png")
        files.write_with(out / name, save)
        logging.info("Wrote %s", out / name)


if __name__ == "__main__":
    sys.exit(main())
