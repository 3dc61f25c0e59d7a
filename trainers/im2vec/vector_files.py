"""Class vectors as files: CSV, and for TensorBoard's projector."""

import io
import math
import pathlib
from collections.abc import Iterable
from typing import Any

import matplotlib.image
import numpy as np

from tfrecords import files
from trainers.serving import formats

_SPRITE_SIDE = 64  # pixels; the projector takes up to 8192 in all


def write_vectors(
    path: pathlib.Path, class_names: tuple[str, ...], vectors: np.ndarray
) -> None:
    """Writes one CSV row per class: its name, then m coordinates."""
    header = ("class", *(f"v{index}" for index in range(vectors.shape[1])))
    rows = zip(class_names, vectors.tolist(), strict=True)
    _write_csv(path, [header, *((name, *row) for name, row in rows)])


def write_points(
    path: pathlib.Path,
    class_names: tuple[str, ...],
    planes: dict[str, np.ndarray],
) -> None:
    """Writes one CSV row per class: its position in each 2-D view.

    Args:
        path: Path of the file.
        class_names: K class names.
        planes: Name of a view to points, `(K, 2)`.
    """
    header = ["class", *(f"{name}_{axis}" for name in planes for axis in "xy")]
    table = np.hstack(list(planes.values())).tolist()
    rows = [[name, *row] for name, row in zip(class_names, table, strict=True)]
    _write_csv(path, [header, *rows])


def write_projector(
    directory: pathlib.Path,
    class_names: tuple[str, ...],
    vectors: np.ndarray,
    thumbnails: np.ndarray,
) -> None:
    """Writes files for `tensorboard --logdir=DIRECTORY`, tab Projector.

    Args:
        directory: Directory for these files; created if missing.
        class_names: K class names.
        vectors: Class vectors, `(K, m)`.
        thumbnails: RGB images from 0 to 1, `(K, h, w, 3)`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lines = ("\t".join(map(repr, row)) for row in vectors.tolist())
    files.write_text(directory / "vectors.tsv", "\n".join(lines) + "\n")
    # TensorBoard expects no header above a single column.
    # A tab or a line separator in a name would be another column or row.
    names = [" ".join(name.split()) for name in class_names]
    files.write_text(directory / "metadata.tsv", "\n".join(names) + "\n")
    sprite = io.BytesIO()
    matplotlib.image.imsave(sprite, _sprite(thumbnails), format="png")
    files.write_bytes(directory / "sprite.png", sprite.getvalue())
    files.write_text(
        directory / "projector_config.pbtxt",
        "embeddings {\n"
        '  tensor_name: "class vectors"\n'
        '  tensor_path: "vectors.tsv"\n'
        '  metadata_path: "metadata.tsv"\n'
        "  sprite {\n"
        '    image_path: "sprite.png"\n'
        f"    single_image_dim: {_SPRITE_SIDE}\n"
        f"    single_image_dim: {_SPRITE_SIDE}\n"
        "  }\n"
        "}\n",
    )


def _sprite(thumbnails: np.ndarray) -> np.ndarray:
    """Tiles thumbnails to a square, row by row, as the projector expects."""
    count, height, width, _ = thumbnails.shape
    side = math.ceil(math.sqrt(count))
    rows = np.arange(_SPRITE_SIDE) * height // _SPRITE_SIDE
    columns = np.arange(_SPRITE_SIDE) * width // _SPRITE_SIDE
    resized = thumbnails[:, rows][:, :, columns]
    sheet = np.ones((side * side, _SPRITE_SIDE, _SPRITE_SIDE, 3))
    sheet[:count] = resized
    sheet = sheet.reshape(side, side, _SPRITE_SIDE, _SPRITE_SIDE, 3)
    return sheet.transpose(0, 2, 1, 3, 4).reshape(
        side * _SPRITE_SIDE, side * _SPRITE_SIDE, 3
    )


def _write_csv(path: pathlib.Path, rows: Iterable[Iterable[Any]]) -> None:
    files.write_text(path, "".join(map(formats.row, rows)))
