r"""Draws docs/flow.png: one review on its way from text to verdict.

    python -m trainers.run --backbone=resnet
    python -m tools.draw_flow --workdir=runs/DEMO_RUN --out=docs/flow.png

Everything shown is read from the run and its records; nothing is trained.
"""

import argparse
import itertools
import json
import pathlib
import textwrap
from typing import Any

import keras
import matplotlib.axes
import matplotlib.figure
import matplotlib.patches
import numpy as np
import tensorflow_datasets as tfds

from text2image.deepinsight.figures import (
    DIVERGING,
    masked,
    occupied,
    show_differences,
)
from trainers.runs import loading, train_images

_CODE = "autoencoder_linear"  # the layer's name in every run with a linear code
_NUM_MAPS = 9
_LIMIT = 0.5  # end of the scale of images; pixels are in [0, 1]
_TIMES = "\N{MULTIPLICATION SIGN}"
_INK = "#222222"
_ACCENT = "#1f5fa8"


def read_record(directory: pathlib.Path, split: str, key: str) -> dict:
    """Reads one record by plain TFDS.

    Args:
        directory: A finished set of records.
        split: Name of the split that holds the record.
        key: The record's `id`.

    Returns:
        Feature name to value.

    Raises:
        ValueError: If the split holds no such record.
    """
    builder = tfds.builder_from_directory(str(directory))
    for record in tfds.as_numpy(builder.as_dataset(split=split)):
        if record["id"].decode() == key:
            return record
    raise ValueError(f"`key` must be in {directory}, {split}. Received: {key}")


def follow(
    workdir: pathlib.Path, records_dir: pathlib.Path, key: str
) -> dict[str, Any]:
    """Collects every stage of one validation text.

    Args:
        workdir: A finished run with `--autoencoder=linear`.
        records_dir: The `--records_dir` that the run read.
        key: Id of the text.

    Returns:
        `text`, `stack` `(L, D)`, `image` `(H, W)` and `read_back` `(H, W)`,
        both less the mean train image, `image_shape` (H, W, C), `maps`
        `(h, w, M)`, `probabilities` `(K,)`, `label` and `label_names`.
    """
    kept = json.loads((workdir / "records.json").read_text("utf-8"))
    (image_dir,) = records_dir.glob(f"image/*-{kept['fingerprint']}/1.0.0")
    (cls_dir,) = records_dir.glob(f"cls/*-{kept['provenance']['cls']}/1.0.0")
    stack = read_record(cls_dir, "validation", key)
    image = read_record(image_dir, "validation", key)["image"]
    run = loading.load_run(workdir)
    mean = train_images.load(run).mean
    features = run.model.get_layer("features")
    code = features.get_layer(_CODE)
    halves = keras.Model(features.input, [code.input, code.output])
    maps, values = (np.asarray(value) for value in halves(image[None]))
    logits = np.asarray(run.model(image[None]))[0]
    return {
        "text": stack["text"].decode("utf-8"),
        "stack": stack["stack"],
        "image": masked(image - mean, occupied(mean)),
        "maps": maps[0],
        "read_back": masked(code.images(values)[0] - mean, occupied(mean)),
        "image_shape": image.shape,
        "probabilities": np.exp(logits) / np.exp(logits).sum(),
        "label": kept["label_names"][stack["label"]],
        "label_names": kept["label_names"],
    }


def draw(stages: dict[str, Any]) -> matplotlib.figure.Figure:
    """Draws what `follow` returned, in two rows of three panels."""
    figure = matplotlib.figure.Figure(figsize=(9, 6.2), facecolor="white")
    panels = figure.subplots(
        2,
        3,
        gridspec_kw={
            "left": 0.02,
            "right": 0.98,
            "top": 0.94,
            "bottom": 0.1,
            "wspace": 0.22,
            "hspace": 0.5,
        },
    )
    for axes, painter in zip(panels.flat, _PAINTERS, strict=True):
        painter(axes, stages)
        axes.tick_params(colors=_INK)
    _draw_arrows(figure, panels)
    return figure


def _title(axes: matplotlib.axes.Axes, title: str, below: str) -> None:
    axes.set_title(title, fontsize=11, color=_INK, fontweight="bold", pad=7)
    axes.text(
        0.5,
        -0.05,
        below,
        transform=axes.transAxes,
        ha="center",
        va="top",
        fontsize=9,
        linespacing=1.3,
        color=_INK,
    )


def _draw_text(axes: matplotlib.axes.Axes, stages: dict[str, Any]) -> None:
    axes.axis("off")
    axes.text(
        0.5,
        0.5,
        textwrap.fill(f"“{stages['text']}”", 31),
        transform=axes.transAxes,
        ha="center",
        va="center",
        fontsize=10.5,
        color=_INK,
        linespacing=1.5,
        family="serif",
    )
    _title(
        axes,
        "1  text",
        f"a validation review of the demo;\nits label is {stages['label']}",
    )


def _draw_stack(axes: matplotlib.axes.Axes, stages: dict[str, Any]) -> None:
    stack = stages["stack"]
    limit = np.quantile(np.abs(stack), 0.98)
    axes.imshow(
        stack,
        cmap=DIVERGING,
        vmin=-limit,
        vmax=limit,
        aspect="auto",
        interpolation="nearest",
    )
    axes.set_xticks([])
    axes.set_yticks([])
    layers, dimensions = stack.shape
    _title(
        axes,
        "2  stack",
        f"BERT's [CLS] vectors: {layers} layers (rows)\n"
        f"{_TIMES} {dimensions} dimensions = {stack.size} features",
    )


def _draw_image(axes: matplotlib.axes.Axes, stages: dict[str, Any]) -> None:
    show_differences(axes, stages["image"], _LIMIT)
    height, width, channels = stages["image_shape"]
    _title(
        axes,
        "3  image",
        "DeepInsight: t-SNE gives every feature its\n"
        f"pixel, {height} {_TIMES} {width} {_TIMES} {channels}; less the mean",
    )


def _draw_maps(axes: matplotlib.axes.Axes, stages: dict[str, Any]) -> None:
    maps = stages["maps"]
    height, width, count = maps.shape
    strongest = np.argsort(maps.std(axis=(0, 1)))[::-1][:_NUM_MAPS]
    side = round(_NUM_MAPS**0.5)
    sheet = np.full((side * (height + 1) - 1, side * (width + 1) - 1), np.nan)
    for place, index in enumerate(strongest):
        row, column = divmod(place, side)
        one = maps[..., index]
        sheet[
            row * (height + 1) : row * (height + 1) + height,
            column * (width + 1) : column * (width + 1) + width,
        ] = (one - one.min()) / np.ptp(one)
    axes.imshow(sheet, cmap="gray", interpolation="nearest")
    axes.axis("off")
    _title(
        axes,
        "4  feature maps",
        "what the frozen ResNet50V2 slice gives:\n"
        f"{_NUM_MAPS} of {count} maps, {height} {_TIMES} {width}",
    )


def _draw_read_back(axes: matplotlib.axes.Axes, stages: dict[str, Any]) -> None:
    show_differences(axes, stages["read_back"], _LIMIT)
    _title(
        axes,
        "5  code",
        "the image as the linear autoencoder\nreads it off the feature maps",
    )


def _draw_verdict(axes: matplotlib.axes.Axes, stages: dict[str, Any]) -> None:
    names, probabilities = stages["label_names"], stages["probabilities"]
    best = int(np.argmax(probabilities))
    colours = [_ACCENT if i == best else "#b8c4d2" for i in range(len(names))]
    axes.barh(names, probabilities, color=colours, height=0.5)
    for place, probability in enumerate(probabilities):
        axes.text(
            probability + 0.03,
            place,
            f"{probability:.2f}",
            va="center",
            fontsize=10.5,
            color=_INK,
        )
    axes.set_xlim(0, 1.2)
    axes.set_ylim(-0.7, len(names) - 0.3)
    axes.set_xticks([])
    axes.set_yticks(range(len(names)), labels=names, fontsize=10.5)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    _title(axes, "6  verdict", "the dense head's probabilities")


_PAINTERS = (
    _draw_text,
    _draw_stack,
    _draw_image,
    _draw_maps,
    _draw_read_back,
    _draw_verdict,
)


def _draw_arrows(figure: matplotlib.figure.Figure, panels: np.ndarray) -> None:
    """An arrow in the gap between neighbours; the numbers do the rest."""
    figure.canvas.draw()
    for row in panels:
        for left, right in itertools.pairwise(row):
            start, end = left.get_position(), right.get_position()
            middle = (start.x1 + end.x0) / 2
            figure.add_artist(
                matplotlib.patches.FancyArrowPatch(
                    (middle - 0.013, (start.y0 + start.y1) / 2),
                    (middle + 0.010, (start.y0 + start.y1) / 2),
                    transform=figure.transFigure,
                    arrowstyle="-|>",
                    mutation_scale=16,
                    linewidth=2,
                    color=_ACCENT,
                )
            )


def main() -> None:
    """Draws the figure from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--workdir", type=pathlib.Path, required=True)
    parser.add_argument(
        "--records_dir", type=pathlib.Path, default=pathlib.Path("records")
    )
    parser.add_argument("--id", default="demo-0093")
    parser.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path("docs/flow.png")
    )
    values = parser.parse_args()
    stages = follow(values.workdir, values.records_dir, values.id)
    draw(stages).savefig(values.out, dpi=200)


if __name__ == "__main__":
    main()
