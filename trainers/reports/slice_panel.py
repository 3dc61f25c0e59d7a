"""Feature maps of all slices side by side (the paper's Fig. 8)."""

import pathlib
from collections.abc import Mapping

import matplotlib.figure
import numpy as np

from text2image import figure_text
from trainers import backbones
from trainers.network import model
from trainers.runs import loading
from trainers.training.inputs import predict

_COLUMNS = 10


def draw(
    runs: Mapping[str, pathlib.Path], images: np.ndarray
) -> matplotlib.figure.Figure:
    """Draws an image and, below it, a row of feature maps per slice.

    Args:
        runs: Backbone to the directory of a finished run.
        images: `(n, H, W, C)`; the maps are those of the first.
    """
    maps = {}
    for name, workdir in runs.items():
        to_maps, _ = model.split_at_maps(loading.load_run(workdir).model)
        maps[backbones.get_backbone(name).title] = predict(to_maps, images)[0]
    return draw_maps(images[0], maps)


def draw_maps(
    image: np.ndarray, maps: Mapping[str, np.ndarray]
) -> matplotlib.figure.Figure:
    """Draws an image `(H, W, C)` in [0, 1] and feature maps `(h, w, M)`.

    Of each slice the first maps that are not constant, each on its own scale.
    """
    figure = matplotlib.figure.Figure(
        figsize=(1.1 * (_COLUMNS + 2), 1.25 * len(maps)), layout="constrained"
    )
    left, right = figure.subfigures(
        1, 2, squeeze=False, width_ratios=(2, _COLUMNS)
    )[0]
    axes = left.subplots()
    axes.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_title("image", fontsize="small")
    axes.set_axis_off()
    grid = right.subplots(len(maps), _COLUMNS, squeeze=False)
    for row, (title, of_slice) in zip(grid, maps.items(), strict=True):
        varying = np.flatnonzero(np.ptp(of_slice, axis=(0, 1)) > 0)
        for place in row:
            place.set_axis_off()
        for place, number in zip(row, varying, strict=False):
            place.imshow(of_slice[..., number], cmap="gray")
        shown = " x ".join(map(str, of_slice.shape))
        row[0].set_title(f"{title}, {shown}", fontsize="small", loc="left")
    return figure_text.set_fonts(figure)
