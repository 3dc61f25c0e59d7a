"""What an explanation of one text says."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Word:
    """A word of a text, by its place.

    Attributes:
        start: Code point of the text at which it starts.
        end: Code point after its last one.
        contribution: Its share of the margin.
    """

    start: int
    end: int
    contribution: float


@dataclasses.dataclass(frozen=True)
class Explanation:
    """Why a text gets a class, or does not.

    All numbers but the images and probabilities are in units of the margin:
    the logit of the class less the mean of the other logits.

    Attributes:
        text: The text.
        label: The class that is explained.
        probabilities: Probabilities of all classes, `(K,)`, in label order.
        margin: Margin of the class.
        words_baseline: Margin of the text with every word masked.
        image_baseline: Margin of the mean train image.
        words: The words; their contributions sum to `margin - words_baseline`.
        image: The image of the text, `(H, W, C)`.
        mean_image: The mean train image, `(H, W, C)`.
        pixels: Contributions of the pixels, `(H, W, C)`; they sum to
            `margin - image_baseline`.
        features: Those of the features, `(L, D)`: a pixel's is divided equally
            among the features that it is the mean of.
        words_error: What the sum over the words misses.
        pixels_error: What the sum over the pixels misses.
    """

    text: str
    label: str
    probabilities: np.ndarray
    margin: float
    words_baseline: float
    image_baseline: float
    words: tuple[Word, ...]
    image: np.ndarray
    mean_image: np.ndarray
    pixels: np.ndarray
    features: np.ndarray
    words_error: float
    pixels_error: float
