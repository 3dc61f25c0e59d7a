"""Labels that may be wrong, by confident learning on held-out rows."""

import dataclasses

import numpy as np

from trainers.multimodal import loading
from trainers.multimodal.vector_index import VectorIndex
from trainers.reports.mistakes import Predictions
from trainers.training.metrics import softmax

_BLOCK = 1024  # rows at a time


@dataclasses.dataclass(frozen=True)
class Recovery:
    """How the rule does on labels that were flipped on purpose.

    Attributes:
        flipped: Number of labels flipped.
        found: Number of these that are suspect.
        suspects: Number of suspects; those that are not flipped are mistakes
            of the model, or labels that were wrong before.
    """

    flipped: int
    found: int
    suspects: int

    @property
    def precision(self) -> float:
        """Share of the suspects that were flipped."""
        return self.found / self.suspects if self.suspects else 0.0

    @property
    def recall(self) -> float:
        """Share of the flipped labels that are suspect."""
        return self.found / self.flipped if self.flipped else 0.0


def predict_held_out(run: loading.Run, index: VectorIndex) -> Predictions:
    """Predicts every row that the run was not trained on.

    The head is applied to the rows' joint vectors in the index. Train rows are
    left out: the network has learnt their labels, the wrong ones too.
    """
    head = run.models.classifier.get_layer("head_dense")
    kernel, bias = np.array(head.kernel), np.array(head.bias)
    numbers = held_out_numbers(index)
    parts = [
        softmax(index.vectors[numbers[first : first + _BLOCK]] @ kernel + bias)
        for first in range(0, len(numbers), _BLOCK)
    ]
    probabilities = np.concatenate(parts).astype(np.float64)
    return Predictions(
        tuple(row["id"] for row in index.read(numbers)),
        index.labels[numbers].astype(int),
        probabilities.argmax(axis=1),
        probabilities,
        tuple(run.manifest.schema.label_names),
    )


def held_out_numbers(index: VectorIndex) -> np.ndarray:
    """Numbers of the rows that are not in train, `(n,)`."""
    return np.concatenate(
        [index.numbers(split) for split in index.splits if split != "train"]
    )


def flip(predictions: Predictions, share: float, seed: int) -> Recovery:
    """Flips labels on purpose and looks for them with the same rule.

    Args:
        predictions: Predictions of rows that the model was not trained on.
        share: Share of the labels that become another class, drawn evenly.
        seed: Seed of the draw.
    """
    rng = np.random.default_rng(seed)
    count = len(predictions.labels)
    chosen = rng.choice(count, round(share * count), replace=False)
    labels = predictions.labels.copy()
    num_classes = len(predictions.label_names)
    shift = rng.integers(1, num_classes, len(chosen))
    labels[chosen] = (labels[chosen] + shift) % num_classes
    suspects, _ = dataclasses.replace(predictions, labels=labels).suspects()
    found = np.isin(chosen, suspects).sum()
    return Recovery(len(chosen), int(found), len(suspects))
