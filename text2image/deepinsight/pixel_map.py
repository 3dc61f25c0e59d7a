"""The fitted pixel map: the pixel of each feature.

Saved as .npz (its arrays and the scaler's), .json (provenance) and .csv (for
readers).
"""

import csv
import dataclasses
import io
import json
import pathlib
import zipfile
from typing import Any, Self

import numpy as np
import scipy.ndimage
import scipy.sparse

from text2image import options
from text2image.deepinsight import geometry, scaling

FORMAT_VERSION = 2


@dataclasses.dataclass(frozen=True)
class PixelMap:
    """The pixel of each feature, and the scaler that is applied first.

    Attributes:
        coords: `(F, 2)` int32 (row, col), origin top left.
        channel: `(F,)` int32, the channel each feature is drawn in.
        image_shape: (H, W, C).
        fill: Value of empty pixels: `zero`, or that of the `nearest` pixel of
            their channel that holds features.
        points: `(F, 2)` float64 (x, y), the projection before turning.
        hull: `(V, 2)` float64 corners of its convex hull.
        rectangle: `(4, 2)` float64 corners of the rectangle around it.
        scaler: Scaler fitted on the same train rows.
        provenance: Data and settings it was fitted with; JSON values only.
    """

    coords: np.ndarray
    channel: np.ndarray
    image_shape: tuple[int, int, int]
    fill: str
    points: np.ndarray
    hull: np.ndarray
    rectangle: np.ndarray
    scaler: scaling.Scaler
    provenance: dict[str, Any]

    @property
    def num_features(self) -> int:
        """F, the number of features."""
        return len(self.coords)

    @property
    def pixel_index(self) -> np.ndarray:
        """Flat index of each feature: (row * W + col) * C + channel.

        `(F,)` int64.
        """
        return np.ravel_multi_index(
            (*self.coords.T, self.channel), self.image_shape
        )

    def density(self) -> np.ndarray:
        """Counts features per pixel, `(H, W, C)` int64 (the paper's Fig. 3)."""
        size = int(np.prod(self.image_shape))
        return np.bincount(self.pixel_index, minlength=size).reshape(
            self.image_shape
        )

    def shares(self) -> np.ndarray:
        """Returns 1/n for each of the n features of a pixel, `(F,)` float32."""
        counts = self.density().ravel()[self.pixel_index]
        return (1.0 / counts).astype(np.float32)

    def shown_pixel(self) -> np.ndarray:
        """Returns the pixel whose value each pixel shows, `(H * W * C,)` int64.

        The pixel itself, except for empty pixels with `fill="nearest"`: these
        show the nearest one by Euclidean distance, the same one of several in
        every call.
        """
        size = int(np.prod(self.image_shape))
        index = np.arange(size).reshape(self.image_shape)
        if self.fill == "nearest":
            empty = self.density() == 0
            for channel in range(self.image_shape[2]):
                rows, columns = scipy.ndimage.distance_transform_edt(
                    empty[..., channel],
                    return_distances=False,
                    return_indices=True,
                )
                index[..., channel] = index[rows, columns, channel]
        return index.ravel()

    def averaging_matrix(self) -> scipy.sparse.csr_matrix:
        """Returns A, `(H * W * C, F)` float32: `A @ x` is the image of x.

        Row p holds 1/n at the n features of the pixel that p shows; rows of
        empty pixels are empty.
        """
        matrix = scipy.sparse.csr_matrix(
            (self.shares(), (self.pixel_index, np.arange(self.num_features))),
            shape=(int(np.prod(self.image_shape)), self.num_features),
        )
        if self.fill == "zero":
            return matrix
        return matrix[self.shown_pixel()]

    def inverse(self, images: np.ndarray) -> np.ndarray:
        """Reads every feature from its pixel.

        Args:
            images: Images of this map, `(N, H, W, C)`.

        Returns:
            `(N, F)`: the average of the features that share the pixel, exact
            where no other feature is on the pixel.

        Raises:
            ValueError: If the images do not have the map's shape.
        """
        if images.shape[1:] != self.image_shape:
            raise ValueError(
                f"`images` must be (N, *{self.image_shape}). Received: "
                f"shape={images.shape}"
            )
        return images[:, self.coords[:, 0], self.coords[:, 1], self.channel]

    def save(self, directory: Any) -> None:
        """Writes `pixel_map.npz`, `pixel_map.json`, `pixel_map.csv`.

        Args:
            directory: A `pathlib.Path`, or a path with its methods.
        """
        arrays: dict[str, Any] = {
            "coords": self.coords,
            "channel": self.channel,
            "image_shape": np.array(self.image_shape),
            "fill": np.array(self.fill),
            "points": self.points,
            "hull": self.hull,
            "rectangle": self.rectangle,
            **self.scaler.to_arrays(),
        }
        buffer = io.BytesIO()  # `directory` may be no path of a disk
        np.savez(buffer, **arrays)
        (directory / "pixel_map.npz").write_bytes(buffer.getvalue())
        (directory / "pixel_map.json").write_text(
            json.dumps(
                {"format_version": FORMAT_VERSION, **self.provenance},
                indent=2,
                sort_keys=True,
            )
        )
        self._write_csv(directory / "pixel_map.csv")

    def _write_csv(self, path: pathlib.Path) -> None:
        """Writes one line per feature: layer, dimension and pixel."""
        layers = self.provenance.get("layers") or [0]
        hidden = self.num_features // len(layers)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(
                ("feature", "layer", "dimension", "row", "column", "channel")
            )
            pixels = np.column_stack([self.coords, self.channel]).tolist()
            for feature, pixel in enumerate(pixels):
                layer, dimension = divmod(feature, hidden)
                writer.writerow((feature, layers[layer], dimension, *pixel))

    @classmethod
    def load(cls, directory: Any) -> Self:
        """Reads a map that `save` wrote.

        Args:
            directory: A `pathlib.Path`, or a path with its methods.

        Raises:
            FileNotFoundError: If there is no map in `directory`.
            ValueError: If a file is damaged or has a different format.
        """
        path = directory / "pixel_map.npz"
        if not path.is_file():
            raise FileNotFoundError(
                f"No pixel map in {directory}. Build the records first: "
                "python -m tfrecords.build"
            )
        try:
            content = io.BytesIO(path.read_bytes())
            with np.load(content, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            provenance = json.loads((directory / "pixel_map.json").read_text())
            if not isinstance(provenance, dict):
                raise ValueError("provenance is not a JSON object")
            version = provenance.pop("format_version")
            if version != FORMAT_VERSION:
                raise ValueError(f"format version {version}")
            height, width, channels = arrays["image_shape"].tolist()
            return cls(
                coords=arrays["coords"],
                channel=arrays["channel"],
                image_shape=(height, width, channels),
                fill=str(arrays["fill"]),
                points=arrays["points"],
                hull=arrays["hull"],
                rectangle=arrays["rectangle"],
                scaler=scaling.Scaler.from_arrays(arrays),
                provenance=provenance,
            )
        except (
            ValueError,
            KeyError,
            OSError,
            EOFError,
            zipfile.BadZipFile,
        ) as error:
            raise ValueError(
                f"{path} is not a pixel map of format {FORMAT_VERSION} "
                f"({error}). Delete its directory and build it again."
            ) from error


def fit_pixel_map(
    points: np.ndarray,
    image_shape: tuple[int, int],
    scaler: scaling.Scaler,
    *,
    channel: np.ndarray | None = None,
    assignment: str = "bin",
    fill: str = "zero",
    shuffle_seed: int | None = None,
    compat: bool = False,
    provenance: dict[str, Any] | None = None,
) -> PixelMap:
    """Fits a pixel map to projected features.

    Convex hull, smallest rectangle, turned level, assigned to pixels (Sharma
    et al. 2019, doi:10.1038/s41598-019-47765-6; the paper's IV.A.2 and Figs.
    2-3).

    Args:
        points: `(F, 2)` float64 (x, y), one row per feature.
        image_shape: (H, W).
        scaler: Scaler fitted on the same F features.
        channel: `(F,)` integers from 0, the channel of each feature; `None`
            for a single channel. Only features of one channel share pixels.
        assignment: Key of `geometry.ASSIGNMENTS`: `bin`, or `lsa`, which
            gives every feature a separate pixel.
        fill: One of `options.FILLS`.
        shuffle_seed: If given, seed of a random permutation of the features
            of each channel over their pixels: the control for the layout.
        compat: Whether to reproduce pyDeepInsight 0.2.3: its rectangle (see
            `geometry.minimum_rectangle`) and its orientation, x along rows.
        provenance: JSON values to store with the map.

    Raises:
        ValueError: If the points span no area, `fill` is unknown, or there
            are more features than pixels for `lsa`.
    """
    if fill not in options.FILLS:
        raise ValueError(
            f"`fill` must be one of {options.FILLS}. Received: {fill!r}"
        )
    hull = geometry.convex_hull(points)
    angle, rectangle = geometry.minimum_rectangle(hull, compat=compat)
    level = points @ geometry.rotation(angle).T
    if compat:
        level = level[:, ::-1]
    if channel is None:
        channel = np.zeros(len(points), np.int32)
    coords = geometry.assign(level, image_shape, channel, assignment)
    if shuffle_seed is not None:
        rng = np.random.default_rng(shuffle_seed)
        for number in np.unique(channel):
            members = np.flatnonzero(channel == number)
            coords[members] = coords[rng.permutation(members)]
    return PixelMap(
        coords=coords,
        channel=channel.astype(np.int32),
        image_shape=(*image_shape, int(channel.max()) + 1),
        fill=fill,
        points=points,
        hull=hull,
        rectangle=rectangle,
        scaler=scaler,
        provenance=dict(provenance or {}),
    )
