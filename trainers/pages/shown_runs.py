"""A loaded run as the page shows it: verdict, explanation, what lies between."""

import dataclasses
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from trainers.explanations.explainer import Explainer, load_explainer
from trainers.network import model
from trainers.runs import loading
from trainers.runs.loading import Run


@dataclasses.dataclass(frozen=True)
class ShownRun:
    """A loaded run with what explains it.

    Attributes:
        name: Name that tells it from the other runs.
        run: The run.
        explainer: Explains its verdicts.
        views: Image `(1, H, W, C)` to `seen` (1, H, W, C), `maps`
            (1, h, w, M) and `code`, the features.
        baseline: The same of the mean train image.
        mean_image: The mean train image, `(H, W, C)`.
    """

    name: str
    run: Run
    explainer: Explainer
    views: Callable[[np.ndarray], dict[str, np.ndarray]]
    baseline: dict[str, np.ndarray]
    mean_image: np.ndarray


def load(
    workdirs: Sequence[str], encoder: str | None = None
) -> list[ShownRun]:
    """Loads runs.

    Args:
        workdirs: Their directories.
        encoder: Where their encoder is now, if not where it was.

    Raises:
        FileNotFoundError: If a run is not finished, or its encoder is gone.
        ValueError: If files are damaged or do not belong together.
    """
    names = [pathlib.Path(workdir).resolve().name for workdir in workdirs]
    if len(set(names)) < len(names):
        names = list(workdirs)
    runs = []
    for name, workdir in zip(names, workdirs, strict=True):
        logging.info("page: loading %s", workdir)
        explainer = load_explainer(workdir=workdir, encoder=encoder)
        runs.append(show_run(name, loading.load_run(workdir), explainer))
    return runs


def show_run(name: str, run: Run, explainer: Explainer) -> ShownRun:
    """Prepares a run; its functions are traced here and not for a user."""
    views = _views(run.model)
    (explanation,) = explainer.explain(["A first text, and a second one."])
    mean = explanation.mean_image
    return ShownRun(name, run, explainer, views, views(mean), mean)


def _views(network: keras.Model) -> Callable[[np.ndarray], Any]:
    """Taps the frozen half of a network between its stages."""
    frozen = next(
        layer for layer in network.layers if isinstance(layer, keras.Model)
    )
    seen = frozen.input
    maps = frozen.output
    for layer in frozen.layers:
        if layer.name in (model.CONTRAST, "normalization"):
            seen = layer.output
        if layer.name == model.LINEAR_CODE:
            maps = layer.input
    taps = keras.Model(
        frozen.input, {"seen": seen, "maps": maps, "code": frozen.output}
    )

    @tf.function(
        input_signature=[tf.TensorSpec((1, *network.input_shape[1:]))]
    )
    def compute(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return taps(image, training=False)

    return lambda image: {
        name: value.numpy() for name, value in compute(image[None]).items()
    }
