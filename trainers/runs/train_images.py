"""What the train images of a run look like: their mean and how they vary.

So that an image can be compared with them when the records are gone.
"""

import dataclasses
import functools
import io
import pathlib
import zipfile
from dataclasses import field

import numpy as np

from tfrecords import files
from trainers.network import model
from trainers.runs.file_list import FileList
from trainers.runs.loading import Run

TRAIN_IMAGES_FILE = "train_images.npz"
_CURE = "Run the training command again: it is made again from the records."
_empty = functools.partial(np.zeros, 0, np.float32)


@dataclasses.dataclass(frozen=True)
class TrainImages:
    """Mean, principal directions and typical distances of a run's images.

    Probabilistic PCA: along the directions an image varies as the train images
    do, and the rest of it equally in every pixel. Source: Tipping & Bishop
    1999, doi:10.1111/1467-9868.00196.

    Attributes:
        mean: Mean of all train images, `(H, W, C)` float32.
        pixels: Positions in a flat image of the V pixels that vary, `(V,)`.
        directions: Unit vectors of these pixels, `(k, V)` float32.
        variances: Variance along each direction, `(k,)` float32.
        residual_variance: Variance of a pixel beyond the directions.
        quantiles: Distances of the validation images at even steps, ascending,
            `(Q,)` float32; none if only the mean is known.
    """

    mean: np.ndarray
    pixels: np.ndarray = field(default_factory=_empty)
    directions: np.ndarray = field(default_factory=_empty)
    variances: np.ndarray = field(default_factory=_empty)
    residual_variance: np.ndarray = field(default_factory=_empty)
    quantiles: np.ndarray = field(default_factory=_empty)

    def distances(self, images: np.ndarray) -> np.ndarray:
        """Mahalanobis distances `(N,)` of images `(N, H, W, C)`, float64."""
        differences = (images - self.mean).reshape(len(images), -1)
        differences = differences.astype(np.float64)
        along = differences[:, self.pixels] @ self.directions.T
        squares = np.square(differences).sum(axis=1) / self.residual_variance
        return np.sqrt(np.maximum(squares + along**2 @ self.excess, 0))

    @property
    def excess(self) -> np.ndarray:
        """What a direction adds to the squared distance beyond its pixels."""
        return 1 / self.variances - 1 / self.residual_variance

    def novelty(self, images: np.ndarray) -> np.ndarray:
        """Share of the validation images that are nearer, `(N,)` in [0, 1]."""
        nearer = np.searchsorted(self.quantiles, self.distances(images))
        return nearer / len(self.quantiles)

    def save(self, workdir: pathlib.Path) -> None:
        """Writes `train_images.npz`."""
        content = io.BytesIO()
        np.savez(content, **dataclasses.asdict(self))
        files.write_bytes(workdir / TRAIN_IMAGES_FILE, content.getvalue())


def read(workdir: pathlib.Path) -> TrainImages | None:
    """Reads `train_images.npz`; `None` in runs of earlier versions.

    Raises:
        ValueError: If it is damaged.
    """
    path = workdir / TRAIN_IMAGES_FILE
    if not path.is_file():
        return None
    for fault in FileList.of_run(workdir).faults((path.name,)).values():
        raise ValueError(f"{path} is damaged: {fault}. {_CURE}")
    try:
        with np.load(path, allow_pickle=False) as archive:
            return TrainImages(**archive)
    except (OSError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged ({error}). {_CURE}") from error


def find(run: Run) -> TrainImages | None:
    """Finds what a run knows of its train images.

    Args:
        run: A finished run. One of an earlier version knows the mean if its
            model has a contrast layer, and nothing else.

    Raises:
        ValueError: If its file is damaged.
    """
    known = read(run.workdir)
    if known is not None:
        return known
    for variable in run.model.variables:
        if variable.path.endswith(f"{model.CONTRAST}/mean"):
            return TrainImages(np.asarray(variable))
    return None


def load(run: Run) -> TrainImages:
    """As `find`, for who cannot do without.

    Raises:
        FileNotFoundError: If the run does not know the mean.
        ValueError: If its file is damaged.
    """
    known = find(run)
    if known is not None:
        return known
    raise FileNotFoundError(
        f"{run.workdir / TRAIN_IMAGES_FILE} is missing: the run was made by an "
        f"earlier version. {_CURE}"
    )
