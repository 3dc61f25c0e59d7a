"""W2 of this project's own classifiers: the last dense layer of a run.

v_k is the activation of the layer before it that would give the logits e_k,
without the bias. That layer ends in a ReLU, so a v_k with negative entries is a
direction and not an activation that can occur.
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
class FinishedRuns:
    """Finished runs of one model.

    Attributes:
        networks: One network per run.
        initializer: Initializer of the kernel of the last layer.
        class_names: K class names.
        records: Directory of the image records they were trained on.
    """

    networks: tuple[Network, ...]
    initializer: keras.initializers.Initializer
    class_names: tuple[str, ...]
    records: str


def load_runs(config: Im2VecConfig) -> FinishedRuns:
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
    return FinishedRuns(
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
    """Draws `count` untrained kernels of a shape, as the layer starts."""
    # Far from the seeds that the networks of a run start with.
    settings = initializer.get_config()
    return [
        np.array(
            initializer.from_config(
                {**settings, "seed": 100_000 * (seed + 1) + index}
            )(shape)
        )
        for index in range(count)
    ]
