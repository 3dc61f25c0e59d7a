"""The text of explanations.md."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from trainers.explanations.explanation import Explanation
from trainers.explanations.faithfulness import (
    GRADIENTS,
    OCCLUSION,
    RANDOM,
    TOLERANCE,
)
from trainers.explanations.validation_texts import LabelledText
from trainers.reports import markdown
from trainers.runs.workdir import EXPLANATIONS_FILE

# The last line of report.md in a run with explanations.
LINK = (
    "Why texts get their classes, and whether the explanations are faithful: "
    f"[{EXPLANATIONS_FILE}]({EXPLANATIONS_FILE})."
)
_LEVEL = 0.01  # of the tests against random order
_MOST_WORSE = 0.1  # than occlusion
_CAPTIONS = {
    "contributions.png": "Mean contribution of every pixel to the margin of "
    "the class that the model gives, over the texts with that class. Red "
    "speaks for the class, blue against it; channels are summed; grey pixels "
    "show no feature.",
    "pixel_curves.png": "Probability of the predicted class as pixels are set "
    "to the mean train image (deletion) or set from it (insertion), the "
    "highest scores first; mean over the texts.",
}


def compose(
    result: Mapping[str, Any],
    figures: Sequence[str],
    examples: Sequence[tuple[LabelledText, Explanation]],
) -> str:
    """Composes the Markdown.

    Args:
        result: Contents of faithfulness.json.
        figures: Names of the figures' files.
        examples: The texts that are drawn in the last of them.
    """
    explained = figures[len(figures) - len(examples) :]
    captions = _CAPTIONS | {
        name: _about(text, explanation)
        for name, (text, explanation) in zip(explained, examples, strict=True)
    }
    return markdown.document(
        [
            "# Explanations",
            "",
            f"Of {result['num_texts']:,} of the {result['num_validation']:,} "
            "validation texts, for the class that the model gives. "
            "Contributions are shares of a difference of margins: the logit "
            "of the class less the mean of the other logits, of the text less "
            "that of a baseline: every word masked, or the mean train image. "
            "A pixel is a BERT dimension, not a word.",
            "",
            "## Are they faithful?",
            "",
            *_verdicts(result),
            "",
            *_completeness(result["completeness"]),
            "",
            *_words(result["words"]),
            "",
            *_pixels(result["pixels"]),
            "",
            *_cascade(result["cascade"]),
            "",
            "## What matters most",
            "",
            *_layers(result["layers"]),
            "",
            "`features.csv` has every feature, those with the largest mean "
            "size first, with its pixel and its mean contribution to each "
            "class.",
            *markdown.figures({name: captions[name] for name in figures}),
        ]
    )


def _about(text: LabelledText, explanation: Explanation) -> str:
    if text.label == explanation.label:
        kind = "A right answer"
    else:
        kind = f"A mistake; the label is {markdown.plain(text.label, 60)}"
    return (
        f"{markdown.plain(text.id, 60)}. {kind}. Among the texts of this "
        "report, such answers with the largest margins are drawn."
    )


def _verdicts(result: Mapping[str, Any]) -> list[str]:
    """One line per target, whether it is met or not."""
    words, ours = result["words"], result["words"][GRADIENTS]
    better = all(
        (ours[name]["mean"] - words[RANDOM][name]["mean"]) * sign > 0
        and ours[name]["p_value"] < _LEVEL
        for name, sign in _SIGNS.items()
    )
    reference = {n: _above_random(words, OCCLUSION, n) for n in _SIGNS}
    shares = {
        name: _above_random(words, GRADIENTS, name) / reference[name]
        if reference[name] > 0
        else math.nan
        for name in _SIGNS
    }
    falls = [
        abs(statistics.fmean(values)) for values in result["cascade"].values()
    ]
    within = result["completeness"]
    return [
        f"- {'Met' if better else 'Missed'}: words in the order of integrated "
        f"gradients are better than in random order, p < {_LEVEL:g}.",
        f"- {_met(all(s >= 1 - _MOST_WORSE for s in shares.values()))}: they "
        f"reach at least {1 - _MOST_WORSE:.0%} of what occlusion gains on "
        f"random order: {_percent(shares['comprehensiveness'])} in "
        f"comprehensiveness, {_percent(shares['sufficiency'])} in "
        "sufficiency.",
        f"- {_met(min(part['within'] for part in within.values()) >= 0.95)}: "
        f"sums are complete within {TOLERANCE:.0%} in 95% of the texts.",
        f"- {_met(max(falls) < 0.5)}: the rank correlation with the "
        "explanations of a randomised model is below 0.5 at every stage.",
    ]


# Measure to its sign: 1 if high values are good.
_SIGNS = {"comprehensiveness": 1, "sufficiency": -1}


def _met(is_met: bool) -> str:
    return "Met" if is_met else "Missed"


def _percent(share: float) -> str:
    return "- (it gains nothing)" if math.isnan(share) else f"{share:.0%}"


def _above_random(words: Mapping[str, Any], method: str, name: str) -> float:
    """How much better a method is than random order."""
    gain = words[method][name]["mean"] - words[RANDOM][name]["mean"]
    return _SIGNS[name] * gain


def _completeness(parts: Mapping[str, Mapping[str, float]]) -> list[str]:
    return [
        "Completeness: what a sum of contributions misses, in units of "
        "max(1, difference of margins).",
        "",
        *markdown.table(
            ("contributions of", f"within {TOLERANCE:.0%}", "median", "most"),
            [
                (
                    name,
                    f"{part['within']:.1%}",
                    f"{part['median']:.2g}",
                    f"{part['largest']:.2g}",
                )
                for name, part in parts.items()
            ],
        ),
    ]


def _compared(
    methods: Mapping[str, Mapping[str, Mapping[str, float]]],
    header: tuple[str, str],
) -> list[str]:
    """A table of two measures with p-values against random order."""
    names = list(next(iter(methods.values())))
    return markdown.table(
        ("order", header[0], "p", header[1], "p"),
        [
            (
                method,
                *(
                    cell
                    for name in names
                    for cell in (
                        f"{measures[name]['mean']:.3f}",
                        f"{measures[name]['p_value']:.2g}"
                        if "p_value" in measures[name]
                        else "",
                    )
                ),
            )
            for method, measures in methods.items()
        ],
    )


def _words(methods: Mapping[str, Any]) -> list[str]:
    return [
        "Words: by how much the margin drops if the most important 1, 5, 10, "
        "20 and 50% of the words are masked (comprehensiveness) or they alone "
        "are not (sufficiency), mean over these shares (DeYoung et al. 2020). "
        "p: Wilcoxon's signed-rank test against random order.",
        "",
        *_compared(
            methods,
            ("comprehensiveness (high is good)", "sufficiency (low is good)"),
        ),
    ]


def _pixels(methods: Mapping[str, Any]) -> list[str]:
    return [
        "Pixels: area below the probability as pixels that show a feature are "
        "deleted or inserted (Petsiuk et al. 2018). Grad-CAM is on the last "
        "layer of the slice.",
        "",
        *_compared(
            methods, ("deletion (low is good)", "insertion (high is good)")
        ),
    ]


def _cascade(stages: Mapping[str, Sequence[float]]) -> list[str]:
    return [
        "Randomisation cascade (Adebayo et al. 2018): rank correlation "
        "(Spearman) of the words' signed contributions with those of the "
        "trained model, as its stages are randomised one after the other; mean "
        "and deviation over the cascades, and the least and the largest. Near "
        "0 is good; a single cascade may be on either side in all texts, "
        "because a random head may point any way.",
        "",
        *markdown.table(
            ("randomised down to", "correlation", "least", "largest"),
            [
                (
                    stage,
                    markdown.mean_and_deviation(values),
                    f"{min(values):.2f}",
                    f"{max(values):.2f}",
                )
                for stage, values in stages.items()
            ],
        ),
    ]


def _layers(layers: Mapping[str, Mapping[str, float]]) -> list[str]:
    return markdown.table(
        ("BERT layer", "mean contribution", "mean size"),
        [
            (layer, f"{values['mean']:+.3f}", f"{values['mean_size']:.3f}")
            for layer, values in layers.items()
        ],
    )
