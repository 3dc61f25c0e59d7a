"""The fitted pixel map: which feature lands on which pixel.

Saved as one .npz (arrays, the scaler's too) beside one .json (how it was
made). Reading one needs numpy alone.
"""

import csv
import dataclasses
import json
import pathlib
import zipfile
from typing import Any

import numpy as np
import scipy.ndimage
import scipy.sparse

from text2image.deepinsight import geometry, scaling

FORMAT_VERSION = 2


@dataclasses.dataclass(frozen=True)
class PixelMap:
    """Feature to pixel, with the scaler that goes before it.

    Attributes:
        coords: `(F, 2)` int32 (row, col), origin top left.
        channel: `(F,)` int32, the channel each feature is drawn in.
        image_shape: (H, W, C).
        fill: What empty pixels show: `zero`, or the value of the `nearest`
            pixel of their channel that holds features.
        points: `(F, 2)` float64 (x, y), the projection before turning.
        hull: `(V, 2)` float64 corners of its convex hull.
        rectangle: `(4, 2)` float64 corners of the rectangle around it.
        scaler: Fitted on the same train rows.
        provenance: What it was made from and how; JSON values only.
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
        """F."""
        return len(self.coords)

    @property
    def pixel_index(self) -> np.ndarray:
        """`(F,)` int64, (row * W + col) * C + channel."""
        return np.ravel_multi_index(
            (*self.coords.T, self.channel), self.image_shape
        )

    def density(self) -> np.ndarray:
        """Features per pixel, `(H, W, C)` int64 (the paper's Fig. 3)."""
        size = int(np.prod(self.image_shape))
        return np.bincount(self.pixel_index, minlength=size).reshape(
            self.image_shape
        )

    def shares(self) -> np.ndarray:
        """`(F,)` float32, 1/n for each of the n features of one pixel."""
        counts = self.density().ravel()[self.pixel_index]
        return (1.0 / counts).astype(np.float32)

    def shown_pixel(self) -> np.ndarray:
        """`(H * W * C,)` int64: the pixel whose value each pixel shows.

        Itself, but for empty pixels filled with the nearest one's (Euclidean
        distance; the same one of several at each call).
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
        """`(H * W * C, F)` float32: `A @ x` is the picture of features x.

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
        """Reads every feature back from its pixel.

        Args:
            images: `(N, H, W, C)`.

        Returns:
            `(N, F)`: the average of the features that share the pixel, exact
            where a feature has a pixel to itself.

        Raises:
            ValueError: If the pictures are not (H, W, C).
        """
        if images.shape[1:] != self.image_shape:
            raise ValueError(
                f"`images` must be (N, *{self.image_shape}). Received: "
                f"shape={images.shape}"
            )
        return images[:, self.coords[:, 0], self.coords[:, 1], self.channel]

    def save(self, directory: pathlib.Path) -> None:
        """Writes `pixel_map.npz`, `pixel_map.json`, `pixel_map.csv`."""
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
        np.savez(directory / "pixel_map.npz", **arrays)
        (directory / "pixel_map.json").write_text(
            json.dumps(
                {"format_version": FORMAT_VERSION, **self.provenance},
                indent=2,
                sort_keys=True,
            )
        )
        self._write_csv(directory / "pixel_map.csv")

    def _write_csv(self, path: pathlib.Path) -> None:
        """One line a feature: where it comes from and where it lands."""
        layers = self.provenance.get("layers") or [0]
        hidden = self.num_features // len(layers)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(
                ("feature", "layer", "dimension", "row", "column", "channel")
            )
            places = np.column_stack([self.coords, self.channel]).tolist()
            for feature, place in enumerate(places):
                layer, dimension = divmod(feature, hidden)
                writer.writerow((feature, layers[layer], dimension, *place))

    @classmethod
    def load(cls, directory: pathlib.Path) -> "PixelMap":
        """Reads what `save` wrote.

        Raises:
            FileNotFoundError: If there is no map in `directory`.
            ValueError: If the files are damaged or of another format.
        """
        path = directory / "pixel_map.npz"
        if not path.is_file():
            raise FileNotFoundError(
                f"No pixel map in {directory}. Build the records first: "
                "python -m tfrecords.build"
            )
        try:
            with np.load(path, allow_pickle=False) as archive:
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
    """Turns projected features into a pixel map.

    Convex hull, smallest rectangle, turned level, then put on pixels (Sharma
    et al. 2019, doi:10.1038/s41598-019-47765-6; the paper's IV.A.2 and Figs.
    2-3).

    Args:
        points: `(F, 2)` float64 (x, y), one row a feature.
        image_shape: (H, W).
        scaler: Fitted scaler of the same F features.
        channel: `(F,)` integers from 0, the channel of each feature; none:
            one channel. Features meet only within a channel.
        assignment: Key of `geometry.ASSIGNMENTS`: `bin`, or `lsa`, where
            every feature has a pixel of its own.
        fill: One of `options.FILLS`.
        shuffle_seed: If given, features of a channel are dealt out anew, at
            random, over the places found: the control for the layout.
        compat: Reproduce pyDeepInsight 0.2.3: its rectangle (see
            `geometry.minimum_rectangle`) and its orientation, x along rows.
        provenance: Kept with the map.

    Raises:
        ValueError: If the points span no area, or there are more features
            than pixels for `lsa`.
    """
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
            mine = np.flatnonzero(channel == number)
            coords[mine] = coords[rng.permutation(mine)]
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
