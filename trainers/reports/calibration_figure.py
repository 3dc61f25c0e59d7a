"""How far a model's confidence can be trusted, as a figure."""

import matplotlib.figure
import numpy as np

from text2image import figure_text

_NUM_BINS = 15  # as of `metrics.calibration_error`
# Differ in lightness too, for those who do not see the hues.
_CORRECT, _WRONG = "#0072b2", "#e69f00"


def draw_calibration(
    confidence: np.ndarray, correct: np.ndarray
) -> matplotlib.figure.Figure:
    """Draws the reliability diagram and a histogram of the confidence.

    Args:
        confidence: Probabilities of the predicted classes, `(N,)`.
        correct: Whether each prediction is right, `(N,)` bool.
    """
    bins = np.minimum((confidence * _NUM_BINS).astype(int), _NUM_BINS - 1)
    counts = np.bincount(bins, minlength=_NUM_BINS)
    used = counts > 0
    mean_confidence, accuracy = (
        np.bincount(bins, weights=values, minlength=_NUM_BINS)[used]
        / counts[used]
        for values in (confidence, correct)
    )
    figure = matplotlib.figure.Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], "--", color="grey", lw=1, label="calibrated")
    left.plot(
        mean_confidence, accuracy, "o-", color=_CORRECT, label="this model"
    )
    for x, y, count in zip(
        mean_confidence, accuracy, counts[used], strict=True
    ):
        left.annotate(
            f"{count:,}",
            (x, y),
            xytext=(0, -12),
            textcoords="offset points",
            ha="center",
            fontsize=7,
        )
    shown = (bins.min() / _NUM_BINS, 1)
    left.set(
        xlabel="confidence, in 15 bins with their numbers of texts",
        ylabel="accuracy",
        xlim=shown,
        ylim=(0, 1.02),
    )
    left.grid(alpha=0.3)
    left.legend()
    right.hist(
        [confidence[correct], confidence[~correct]],
        bins=list(np.linspace(0, 1, 2 * _NUM_BINS + 1)),
        stacked=True,
        color=[_CORRECT, _WRONG],
        label=["correct", "wrong"],
    )
    right.set(xlabel="confidence", ylabel="validation texts", xlim=shown)
    right.legend()
    return figure_text.set_fonts(figure)
