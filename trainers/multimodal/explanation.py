"""What an explanation of one image with texts says."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from trainers.explanations.explanation import Word


@dataclasses.dataclass(frozen=True)
class SampleExplanation:
    """Why a sample gets a class, or does not.

    Contributions are in units of the margin: the logit of the class less the
    mean of the other logits.

    Attributes:
        id: Id of the sample.
        label: The class that is explained.
        probabilities: Probabilities of all classes, `(K,)`, in label order.
        margin: Margin of the class.
        baseline: Margin with every modality removed.
        modalities: Shapley value of each modality that model and sample have;
            they sum to `margin - baseline`.
        texts: Title and description, those of `modalities`.
        words: Of each text the words, with what the margin loses when the
            tokens of the word are masked.
        image: The image as the tower sees it, `(S, S, 3)` in [0, 255], or
            `None` without one.
        region: Grad-CAM at the `(h, w)` positions of the tower's last feature
            maps, at least 0, or `None` without an image.
    """

    id: str
    label: str
    probabilities: np.ndarray
    margin: float
    baseline: float
    modalities: Mapping[str, float]
    texts: Mapping[str, str]
    words: Mapping[str, tuple[Word, ...]]
    image: np.ndarray | None
    region: np.ndarray | None
