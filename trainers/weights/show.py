r"""Draws what a slice sees: its first filters and an image's feature maps.

    python -m trainers.weights.show --backbone=vgg16 --weights=PATH \
        --image_records=DIR --out=pictures

Writes filters.png and, for an image, maps.png (the paper's Fig. 8).
"""

import argparse
import logging
import math
import pathlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from trainers import backbones
from trainers.backbones import preprocess

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

_NUM_MAPS = 64


def first_filters(
    slice_: "keras.Model", backbone: backbones.Backbone
) -> np.ndarray:
    """Returns the kernels of the first convolution as RGB pictures.

    Args:
        slice_: A slice with its weights.
        backbone: Its entry of the table: says whether it expects BGR.

    Returns:
        `(F, h, w, 3)` float32 in [0, 1], each filter scaled by its largest
        absolute weight; 0 is mid-grey.
    """
    import keras

    layer = next(
        layer
        for layer in slice_.layers
        if isinstance(layer, keras.layers.Conv2D)
    )
    kernel = np.asarray(layer.kernel).transpose(3, 0, 1, 2)
    if backbones.PREPROCESSING[backbone.preprocessing].bgr:
        kernel = kernel[..., ::-1]
    peak = np.abs(kernel).max(axis=(1, 2, 3), keepdims=True)
    return 0.5 + kernel / (2 * np.maximum(peak, 1e-12))


def feature_maps(
    slice_: "keras.Model", backbone: backbones.Backbone, image: np.ndarray
) -> np.ndarray:
    """Runs one image through the slice.

    Args:
        slice_: A slice with its weights.
        backbone: Its entry of the table.
        image: RGB `(H, W, 3)` float32 in [0, 1].

    Returns:
        `(h, w, num_maps)` float32.

    Raises:
        ValueError: If the image is too small.
    """
    backbones.validate_input_size(backbone, *image.shape[:2])
    preprocessing = backbones.PREPROCESSING[backbone.preprocessing]
    prepared = preprocess.preprocess(image[np.newaxis], preprocessing)
    return np.asarray(slice_(prepared))[0]


def tile(pictures: np.ndarray) -> np.ndarray:
    """Lays pictures out in rows, one pixel apart.

    Args:
        pictures: `(F, h, w)` or `(F, h, w, 3)`, F >= 1.

    Returns:
        `(rows * (h + 1) - 1, columns * (w + 1) - 1, ...)`; gaps are NaN.
    """
    count, height, width = pictures.shape[:3]
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    grid = np.full(
        (rows, height + 1, columns, width + 1, *pictures.shape[3:]), np.nan
    )
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        grid[row, :height, column, :width] = picture
    shape = (rows * (height + 1), columns * (width + 1), *pictures.shape[3:])
    return grid.reshape(shape)[:-1, :-1]


def draw_filters(filters: np.ndarray, title: str) -> "Figure":
    """Draws filters `(F, h, w, 3)` in [0, 1] in one grid."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 6.3), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(np.nan_to_num(tile(filters), nan=1.0), interpolation="nearest")
    axes.set_title(title)
    axes.set_axis_off()
    return figure


def draw_maps(image: np.ndarray, maps: np.ndarray, title: str) -> "Figure":
    """Draws an image `(H, W, 3)` beside its first maps of `(h, w, C)`.

    Each map is scaled by itself: dark is its smallest value, yellow its
    largest; one without any contrast is dark.
    """
    from matplotlib.figure import Figure

    shown = maps[..., :_NUM_MAPS].transpose(2, 0, 1)
    low = shown.min(axis=(1, 2), keepdims=True)
    spread = shown.max(axis=(1, 2), keepdims=True) - low
    shown = (shown - low) / np.maximum(spread, 1e-12)
    figure = Figure(figsize=(11, 6.3), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(2, 3))
    left.imshow(np.clip(image, 0, 1), interpolation="nearest")
    left.set_title(f"input, {image.shape[0]} x {image.shape[1]}")
    right.imshow(tile(shown), interpolation="nearest", cmap="viridis")
    right.set_title(
        f"{title}: {len(shown)} of {maps.shape[-1]} maps, "
        f"{maps.shape[0]} x {maps.shape[1]}"
    )
    for axes in (left, right):
        axes.set_axis_off()
    return figure


def read_image(path: pathlib.Path) -> np.ndarray:
    """Reads a picture file as RGB `(H, W, 3)` float32 in [0, 1]."""
    import keras

    return keras.utils.img_to_array(keras.utils.load_img(path)) / 255.0


def read_record(directory: pathlib.Path, split: str, index: int) -> np.ndarray:
    """Reads one record's image as `(H, W, 3)` float32 in [0, 1].

    A single channel is repeated, as the model does it.

    Raises:
        ValueError: If the split has no such record or the records no image.
    """
    from tfrecords import reader

    manifest = reader.open_records(directory, kind="image")
    batches = reader.read_records(
        directory, split, batch_size=1, manifest=manifest
    )
    count = manifest.num_examples(split)
    if not 0 <= index < count:
        raise ValueError(
            f"`index` must be in [0, {count - 1}]. Received: {index}"
        )
    batch = next(iter(batches.skip(index).take(1)))
    image = np.asarray(batch["image"])[0]
    return np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the flags and writes the pictures."""
    flags = _parse(argv)
    from trainers.weights import load

    backbone = backbones.get_backbone(flags.backbone)
    try:
        slice_ = backbones.build_slice(backbone)
        load.load_weights(slice_, backbone, flags.weights)
        figures = {
            "filters.png": draw_filters(
                first_filters(slice_, backbone),
                f"{backbone.title}, first convolution",
            )
        }
        image = _chosen_image(flags)
        if image is not None:
            image = image.repeat(flags.upsample, 0).repeat(flags.upsample, 1)
            maps = feature_maps(slice_, backbone, image)
            figures["maps.png"] = draw_maps(image, maps, backbone.title)
        flags.out.mkdir(parents=True, exist_ok=True)
        for name, figure in figures.items():
            figure.savefig(flags.out / name, dpi=100)
            logging.info("Wrote %s", flags.out / name)
    except (OSError, RuntimeError, ValueError) as error:
        sys.exit(f"show: {error}")


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--backbone", required=True, choices=sorted(backbones.BACKBONES)
    )
    parser.add_argument(
        "--weights", required=True, help="imagenet, cifar10, random or a file"
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--image", type=pathlib.Path, help="a picture file")
    source.add_argument(
        "--image_records", type=pathlib.Path, help="their directory"
    )
    parser.add_argument("--split", default="validation")
    parser.add_argument("--index", type=int, default=0, help="which record")
    parser.add_argument(
        "--upsample", type=int, default=1, help="enlarge by this factor"
    )
    parser.add_argument("--out", type=pathlib.Path, required=True)
    flags = parser.parse_args(argv)
    if flags.upsample < 1:
        parser.error(f"--upsample must be 1 or more, not {flags.upsample}")
    return flags


def _chosen_image(flags: argparse.Namespace) -> np.ndarray | None:
    if flags.image is not None:
        return read_image(flags.image)
    if flags.image_records is not None:
        return read_record(flags.image_records, flags.split, flags.index)
    return None


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
