"""Made-up measures of explanations."""

import numpy as np

from trainers.explanations.explanation import Explanation
from trainers.explanations.validation_texts import LabelledText
from trainers.reports import explanation_text


def _measured(*values: tuple[float, ...]) -> dict:
    """Means of two measures, each with its p-value or without."""
    return {
        name: dict(zip(("mean", "p_value"), value, strict=False))
        for name, value in zip(_NAMES, values, strict=True)
    }


_NAMES = ("comprehensiveness", "sufficiency")
RESULT = {
    "model_sha256": "0" * 64,
    "num_texts": 200,
    "num_validation": 1234,
    "completeness": {
        "words": {"within": 0.96, "median": 0.002, "largest": 0.034},
        "pixels": {"within": 1.0, "median": 0.0001, "largest": 0.0012},
    },
    "words": {
        "integrated gradients": _measured((2.0, 1e-30), (-1.2, 1e-31)),
        "occlusion": _measured((2.1, 1e-32), (-1.0, 1e-33)),
        "gradient x input": _measured((1.0, 0.02), (-0.5, 0.5)),
        "random": _measured((0.1,), (1.0,)),
    },
    "pixels": {
        method: {
            "deletion": {"mean": deletion, **p_value},
            "insertion": {"mean": 1 - deletion, **p_value},
        }
        for method, deletion, p_value in (
            ("integrated gradients", 0.25, {"p_value": 1e-9}),
            ("Grad-CAM", 0.5, {"p_value": 0.25}),
            ("random", 0.625, {}),
        )
    },
    "cascade": {"head": [0.5, -0.25], "encoder": [0.125, -0.125]},
    "layers": {
        "4": {"mean": 0.5, "mean_size": 0.75},
        "5": {"mean": -0.25, "mean_size": 0.5},
    },
}


def example(label: str, truth: str) -> tuple[LabelledText, Explanation]:
    """A text that is given a class, right or wrong."""
    nothing = np.zeros((1, 1, 1))
    explained = Explanation(
        text="a <b>",
        label=label,
        probabilities=np.array([0.5, 0.5]),
        margin=1.0,
        words_baseline=0.0,
        image_baseline=0.0,
        words=(),
        image=nothing,
        mean_image=nothing,
        pixels=nothing,
        features=np.zeros((1, 1)),
        words_error=0.0,
        pixels_error=0.0,
    )
    return LabelledText("key|1", "a <b>", truth), explained


def report() -> str:
    """The report of the measures and of two texts."""
    return explanation_text.compose(
        RESULT,
        ["contributions.png", "explanation1.png", "explanation2.png"],
        [example("pos", "pos"), example("pos", "<neg>")],
    )


REPORTS = {"explanations": report}
