"""Explanations of images with texts, written as a table or JSON lines."""

import json
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from trainers.explanations.formats import (
    bars,
    shown_text,
    strongest_words,
    word_objects,
)
from trainers.multimodal.explanation import SampleExplanation
from trainers.serving import formats


def table(
    explanations: Iterable[SampleExplanation], label_names: tuple[str, ...]
) -> Iterator[str]:
    """Per sample its class, modalities, words and image region."""
    for item in explanations:
        score = item.probabilities[label_names.index(item.label)]
        yield (
            f"sample {formats.printable(item.id)}: "
            f"{formats.printable(item.label)}, "
            f"probability {score:.4f}, margin {item.margin:+.3f}\n"
            f"  modalities: margin {item.baseline:+.3f} without any, "
            f"{item.margin:+.3f} with all\n"
        )
        yield from bars(list(item.modalities), list(item.modalities.values()))
        for name, text in item.texts.items():
            yield f"  {name}: {shown_text(text, item.words[name])}\n"
            yield from strongest_words(text, item.words[name])
        if item.region is not None:
            yield from _region(item.region)
        yield "\n"


def _region(region: np.ndarray) -> Iterator[str]:
    """Digits: tenths of the largest value, at their places in the image."""
    yield "  image: where it speaks for the class, from 0 to 9\n"
    largest = region.max() or 1.0
    for row in (9 * region / largest).round().astype(int):
        yield f"    {' '.join(map(str, row))}\n"


def json_lines(
    explanations: Iterable[SampleExplanation], label_names: tuple[str, ...]
) -> Iterator[str]:
    """One object per line: margins, modalities, words and image region."""
    for item in explanations:
        value = {
            "id": item.id,
            "label": item.label,
            "margin": item.margin,
            "probabilities": dict(
                zip(label_names, item.probabilities.tolist(), strict=True)
            ),
            "baseline": item.baseline,
            "modalities": dict(item.modalities),
            **{
                name: {
                    "text": formats.encodable(text),
                    "words": word_objects(text, item.words[name]),
                }
                for name, text in item.texts.items()
            },
            "region": None if item.region is None else item.region.tolist(),
        }
        yield json.dumps(value, ensure_ascii=False) + "\n"


Format = Callable[[Iterable[SampleExplanation], tuple[str, ...]], Iterator[str]]
FORMATS: dict[str, Format] = {"table": table, "jsonl": json_lines}
