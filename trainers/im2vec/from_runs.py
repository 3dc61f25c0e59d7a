"""W2 of this project's own classifiers: the last dense layer of a run.

The same reading of it: v_k is the activation of the layer before that would
give the logits e_k, bias aside. That layer ends in a ReLU, so that a v_k with
negative entries is a direction and not an activation that ever occurs.
"""

import dataclasses
import pathlib

import keras
import numpy as np

from trainers.im2vec.config import Im2VecConfig
from trainers.im2vec.evaluation import Network
from trainers.runs import loading

LAST_LAYER = "head_logits"


@dataclasses.dataclass(frozen=True)
class Classifiers:
    """Finished runs of one model.

    Attributes:
        networks: One a run.
        initializer: Of the last layer's kernel.
        class_names: K names.
        records: The image records they were trained on.
    """

    networks: tuple[Network, ...]
    initializer: keras.initializers.Initializer
    class_names: tuple[str, ...]
    records: str


def load_classifiers(config: Im2VecConfig) -> Classifiers:
    """Loads the runs that `--classifier` names.

    Raises:
        FileNotFoundError: If a run is not finished.
        ValueError: If it is damaged, or runs differ in classes or width.
    """
    runs = [
        loading.load_run(word.strip())
        for word in config.classifier.split(",")
        if word.strip()
    ]
    networks = []
    for run in runs:
        layer = run.model.get_layer("classifier").get_layer(LAST_LAYER)
        networks.append(
            Network(
                pathlib.Path(run.workdir).name,
                np.array(layer.kernel).T,
                np.array(run.metrics["confusion_matrix"]),
                run.metrics["accuracy"],
            )
        )
    kinds = {
        (run.origin.label_names, network.weights.shape)
        for run, network in zip(runs, networks, strict=True)
    }
    if len(kinds) != 1:
        raise ValueError(
            "--classifier must name runs of one model on the same classes. "
            f"Received: {sorted(kinds) or config.classifier!r}"
        )
    return Classifiers(
        tuple(networks),
        layer.kernel_initializer,
        runs[0].origin.label_names,
        runs[0].config.image_records,
    )


def draw_weights(
    initializer: keras.initializers.Initializer,
    shape: tuple[int, int],
    count: int,
    seed: int,
) -> list[np.ndarray]:
    """Untrained kernels of a shape, as the layer would start with."""
    settings = initializer.get_config()
    return [
        np.array(
            initializer.from_config(
                {**settings, "seed": 100_000 * (seed + 1) + index}
            )(shape)
        )
        for index in range(count)
    ]
