"""Fills a slice with weights: published, shipped, random, or from a file."""

from collections.abc import Iterable

import keras
import numpy as np

from trainers import backbones
from trainers.backbones import slices
from trainers.weights import (
    cache,
    fitting,
    published,
    readers,
    shipped,
    sources,
)

Arrays = dict[str, np.ndarray]
_ALWAYS_THERE = ("cifar10", "random")


def load_weights(
    slice_: keras.Model,
    backbone: backbones.Backbone,
    source: str,
    *,
    seed: int = 0,
) -> None:
    """Sets every weight of `slice_` from `source`.

    Args:
        slice_: Result of `build_slice(backbone)`.
        backbone: Its entry of the table.
        source: `imagenet` (the published file, fetched once, verified,
            converted and cached), `cifar10` (shipped with the package),
            `random` (He normal kernels drawn from `seed`, biases 0) or the
            path of a file that `readers.read_arrays` reads.
        seed: Seed of `random`.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If the file is not for this slice: names the arrays that
            are missing, superfluous, not finite or have a different shape. If
            a shipped file was altered.
        RuntimeError: If `imagenet` cannot be fetched.
    """
    if source == "random":
        arrays = random_arrays(slice_, seed)
    elif source == "cifar10":
        arrays = shipped.cifar10_arrays(backbone)
    elif source == "imagenet":
        arrays = cache.published_arrays(
            slice_,
            backbone,
            published.PUBLISHED[backbone.name],
            published.cache_directory(),
        )
    else:
        path = sources.file_of(source)
        arrays = readers.read_arrays(path, slice_, backbone.name)
    assign(slice_, arrays, source)


def check_weights(pairs: Iterable[tuple[str, str]]) -> None:
    """Loads weights once, to refuse them before hours of other work.

    Args:
        pairs: Backbones and values of `--weights`. Published files are fetched
            into the cache.

    Raises:
        FileNotFoundError, ValueError, RuntimeError: As `load_weights`.
    """
    for name, source in sorted(set(pairs)):
        if source not in _ALWAYS_THERE:
            backbone = backbones.get_backbone(name)
            load_weights(slices.build_slice(backbone), backbone, source)
    # Keras numbers layers over the process: the run's names must not change.
    keras.backend.clear_session()


def assign(slice_: keras.Model, arrays: Arrays, source: str) -> None:
    """Validates arrays and sets every weight of the slice.

    Args:
        slice_: The slice.
        arrays: Canonical name to array.
        source: Name of the source in errors.

    Raises:
        ValueError: If the arrays do not fit the slice.
    """
    fitted = fitting.fit_arrays(slice_, arrays, source)
    for name, variable in fitting.slice_variables(slice_).items():
        variable.assign(fitted[name])


def slice_arrays(slice_: keras.Model) -> Arrays:
    """Returns canonical name to a copy, for every weight of the slice."""
    return {
        name: np.array(keras.ops.convert_to_numpy(variable))
        for name, variable in fitting.slice_variables(slice_).items()
    }


def random_arrays(slice_: keras.Model, seed: int) -> Arrays:
    """Returns He normal kernels drawn from `seed`, scales 1 and shifts 0."""
    rng = np.random.default_rng(seed)
    constants = {"gamma": 1.0, "moving_variance": 1.0}
    arrays = {}
    for name, variable in fitting.slice_variables(slice_).items():
        kind = name.rsplit("/", 1)[1]
        if kind == "kernel":
            # He et al. 2015, arXiv 1502.01852, eq. 10: std = sqrt(2/fan_in).
            # Depthwise kernels are (h, w, C, 1): each filter sees one channel.
            depthwise = variable.shape[-1] == 1
            fan_in = np.prod(variable.shape[: 2 if depthwise else 3])
            arrays[name] = rng.normal(
                scale=np.sqrt(2.0 / fan_in), size=variable.shape
            )
        else:
            arrays[name] = np.full(variable.shape, constants.get(kind, 0.0))
    return arrays
