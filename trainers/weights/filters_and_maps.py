"""First filters of a slice and feature maps of an image, as figures."""

import math
import pathlib

import keras
import numpy as np
import PIL
from matplotlib.figure import Figure

from tfrecords import paths, reader
from trainers import backbones
from trainers.backbones import preprocess

_NUM_MAPS = 64  # drawn, of all that the slice gives
_TINY = 1e-12  # keeps 0 / 0 at 0 where there is no contrast


def read_image(path: pathlib.Path) -> np.ndarray:
    """Reads an image file as RGB `(H, W, 3)` float32 in [0, 1].

    Raises:
        OSError: If it cannot be read, or is not an image.
    """
    try:
        image = keras.utils.load_img(path)
    except PIL.UnidentifiedImageError as error:
        raise OSError(
            f"Expected an image file. Received: {path}, which is none, or "
            "damaged."
        ) from error
    return keras.utils.img_to_array(image) / 255.0


def read_record(directory: paths.Path, split: str, index: int) -> np.ndarray:
    """Reads the image of one record as `(H, W, 3)` float32 in [0, 1].

    A single channel is repeated, as in the model.

    Args:
        directory: Directory of image records.
        split: Name of the split.
        index: Position of the record in the split.

    Raises:
        ValueError: If the split has no such record, or the records are not
            image records.
    """
    manifest = reader.open_records(directory, kind="image")
    count = manifest.num_examples(split)
    if not 0 <= index < count:
        raise ValueError(
            f"`index` must be in [0, {count - 1}]. Received: {index}"
        )
    batches = reader.read_records(
        directory, split, batch_size=1, manifest=manifest
    )
    batch = next(iter(batches.skip(index).take(1)))
    image = np.asarray(batch["image"])[0]
    return np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image


def first_filters(
    slice_: keras.Model, backbone: backbones.Backbone
) -> np.ndarray:
    """Returns the kernels of the first convolution as RGB images.

    Args:
        slice_: A slice with its weights.
        backbone: Its entry of the table, which gives the channel order.

    Returns:
        `(F, h, w, 3)` float32 in [0, 1], each filter scaled by its largest
        absolute weight; 0 becomes mid-grey.
    """
    layer = next(
        layer
        for layer in slice_.layers
        if isinstance(layer, keras.layers.Conv2D)
    )
    kernel = np.asarray(layer.kernel).transpose(3, 0, 1, 2)
    if backbones.PREPROCESSING[backbone.preprocessing].bgr:
        kernel = kernel[..., ::-1]
    peak = np.abs(kernel).max(axis=(1, 2, 3), keepdims=True)
    return 0.5 + kernel / (2 * np.maximum(peak, _TINY))


def feature_maps(
    slice_: keras.Model, backbone: backbones.Backbone, image: np.ndarray
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


def tile(images: np.ndarray) -> np.ndarray:
    """Arranges images in a grid, one pixel apart.

    Args:
        images: `(F, h, w)` or `(F, h, w, 3)`, F >= 1.

    Returns:
        `(rows * (h + 1) - 1, columns * (w + 1) - 1, ...)`; gaps are NaN.
    """
    count, height, width = images.shape[:3]
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    grid = np.full(
        (rows, height + 1, columns, width + 1, *images.shape[3:]), np.nan
    )
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        grid[row, :height, column, :width] = image
    shape = (rows * (height + 1), columns * (width + 1), *images.shape[3:])
    return grid.reshape(shape)[:-1, :-1]


def draw_filters(filters: np.ndarray, title: str) -> Figure:
    """Draws filters `(F, h, w, 3)` in [0, 1] in one grid."""
    figure = Figure(figsize=(6, 6.3), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(np.nan_to_num(tile(filters), nan=1.0), interpolation="nearest")
    axes.set_title(title)
    axes.set_axis_off()
    return figure


def draw_maps(image: np.ndarray, maps: np.ndarray, title: str) -> Figure:
    """Draws an image and the first of its feature maps, side by side.

    Each map is scaled separately: its smallest value is dark, its largest
    yellow. A map without contrast is dark.

    Args:
        image: RGB `(H, W, 3)`; values outside [0, 1] are clipped.
        maps: `(h, w, C)`.
        title: Name of the slice.
    """
    drawn = maps[..., :_NUM_MAPS].transpose(2, 0, 1)
    low = drawn.min(axis=(1, 2), keepdims=True)
    spread = drawn.max(axis=(1, 2), keepdims=True) - low
    drawn = (drawn - low) / np.maximum(spread, _TINY)
    figure = Figure(figsize=(11, 6.3), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(2, 3))
    left.imshow(np.clip(image, 0, 1), interpolation="nearest")
    left.set_title(f"input, {image.shape[0]} x {image.shape[1]}")
    right.imshow(tile(drawn), interpolation="nearest", cmap="viridis")
    right.set_title(
        f"{title}: {len(drawn)} of {maps.shape[-1]} maps, "
        f"{maps.shape[0]} x {maps.shape[1]}"
    )
    for axes in (left, right):
        axes.set_axis_off()
    return figure
