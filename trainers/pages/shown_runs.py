"""A loaded run as the page shows it: verdict, explanation, the stages."""

import dataclasses
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from trainers.explanations.explainer import Explainer
from trainers.network import model
from trainers.network.linear_autoencoder import LinearReconstruction
from trainers.runs import loading, train_images
from trainers.serving import functions, text_classifier
from trainers.serving.predictor import of_classifier

_WARM_UP = "A first text, and a second one."


@dataclasses.dataclass(frozen=True)
class ShownRun:
    """A loaded run with what explains it.

    Attributes:
        name: Name that tells it from the other runs.
        run: The run.
        explainer: Explains its verdicts.
        known: What it knows of its train images: their mean, distances.
        render: A text to its image `(H, W, C)`.
        views: An image `(H, W, C)` to `seen` (1, H, W, C), `maps`
            (1, h, w, M), `code`, what the classifier reads, and
            `probabilities` (1, K).
        baseline: `views` of the mean train image.
        linear_code: The linear autoencoder, if the run has one.
    """

    name: str
    run: loading.Run
    explainer: Explainer
    known: train_images.TrainImages
    render: Callable[[str], np.ndarray]
    views: Callable[[np.ndarray], dict[str, np.ndarray]]
    baseline: dict[str, np.ndarray]
    linear_code: LinearReconstruction | None


def load(workdirs: Sequence[str], encoder: str | None = None) -> list[ShownRun]:
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
    return [
        _load(name, workdir, encoder)
        for name, workdir in zip(names, workdirs, strict=True)
    ]


def _load(name: str, workdir: str, encoder: str | None) -> ShownRun:
    """Loads a run, and traces its functions here and not for a user."""
    logging.info("page: loading %s", workdir)
    run = loading.load_run(workdir)
    known = train_images.load(run)  # or says how to get the mean
    classifier = text_classifier.load_classifier(run, encoder)
    explainer = Explainer(of_classifier(classifier))
    render = functions.on_strings(classifier.render)
    frozen = next(
        layer for layer in run.model.layers if isinstance(layer, keras.Model)
    )
    views = _views(frozen, run.model)
    shown = ShownRun(
        name,
        run,
        explainer,
        known,
        lambda text: render(text=[functions.encode(text)])["image"][0],
        views,
        views(known.mean),
        next(
            (each for each in frozen.layers if each.name == model.LINEAR_CODE),
            None,
        ),
    )
    list(explainer.explain([_WARM_UP]))
    shown.render(_WARM_UP)
    return shown


def _views(
    frozen: keras.Model, network: keras.Model
) -> Callable[[np.ndarray], Any]:
    """Taps a network between its stages.

    Args:
        frozen: Its half that does not train.
        network: Images to logits.
    """
    seen, maps = frozen.input, frozen.output
    for layer in frozen.layers:
        if layer.name in (model.CONTRAST, model.NORMALIZATION):
            seen = layer.output
        if layer.name == model.LINEAR_CODE:
            maps = layer.input
    taps = keras.Model(
        frozen.input, {"seen": seen, "maps": maps, "code": frozen.output}
    )

    def view(image: tf.Tensor) -> dict[str, tf.Tensor]:
        logits = network(image, training=False)
        probabilities = keras.ops.softmax(logits, axis=-1)
        return {**taps(image, training=False), "probabilities": probabilities}

    compute = tf.function(
        view, input_signature=[tf.TensorSpec((1, *frozen.input_shape[1:]))]
    )
    return lambda image: {
        name: value.numpy() for name, value in compute(image[None]).items()
    }
