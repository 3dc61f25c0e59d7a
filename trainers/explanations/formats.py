"""Explanations of texts, written as a table, CSV or JSON lines."""

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from trainers.explanations.explanation import Explanation, Word
from trainers.serving import formats

# Words, of those with the largest contributions, that a table lists.
_MOST_WORDS = 10
_BAR = 24  # characters of the longest bar
# Backgrounds of the 256 colours of terminals, weak to strong, with black
# letters: red for the class and blue against it, which the colour-blind can
# tell apart, too.
_FOR, _AGAINST = (224, 217, 210, 203), (195, 153, 117, 75)
_WEAKEST = 0.1  # share of the largest contribution that is coloured


def table(
    explanations: Iterable[tuple[int, Explanation]],
    label_names: tuple[str, ...],
    layers: tuple[int, ...],
) -> Iterator[str]:
    """Per text its class, words and layers; with colours in a terminal."""
    for number, item in explanations:
        score = item.probabilities[label_names.index(item.label)]
        label = formats.printable(item.label)
        yield (
            f"text {number}: {label}, probability {score:.4f}, margin "
            f"{item.margin:+.3f}\n"
        )
        yield f"  {shown_text(item.text, item.words) or '(no words)'}\n"
        if item.words:
            yield (
                f"  words: margin {item.words_baseline:+.3f} with all of them "
                f"masked, {item.margin:+.3f} with them\n"
            )
            yield from strongest_words(item.text, item.words)
        yield (
            f"  BERT layers: margin {item.image_baseline:+.3f} of the mean "
            f"train image, {item.margin:+.3f} of the text's\n"
        )
        yield from bars(
            [f"layer {layer}" for layer in layers],
            [float(value) for value in item.features.sum(axis=1)],
        )
        yield (
            f"  the sums miss the differences by {item.words_error:.4f} "
            f"(words) and {item.pixels_error:.4f} (layers)\n\n"
        )


def strongest_words(text: str, words: Sequence[Word]) -> Iterator[str]:
    """The strongest words of a text, and what the others are together."""
    strongest = sorted(words, key=lambda word: -abs(word.contribution))
    shown, others = strongest[:_MOST_WORDS], strongest[_MOST_WORDS:]
    names = [_on_one_line(_word(text, word)) for word in shown]
    yield from bars(names, [word.contribution for word in shown])
    if others:
        rest = sum(word.contribution for word in others)
        yield f"    and {len(others)} more, {rest:+.3f} together\n"


def comma_separated(
    explanations: Iterable[tuple[int, Explanation]],
    label_names: tuple[str, ...],
    layers: tuple[int, ...],
) -> Iterator[str]:
    """CSV with a header and a line per word: its place and contribution."""
    yield formats.row(
        ("id", "label", "margin", "start", "end", "word", "contribution")
    )
    for number, item in explanations:
        for word in item.words:
            yield formats.row(
                (
                    number,
                    item.label,
                    f"{item.margin:.6f}",
                    word.start,
                    word.end,
                    _word(item.text, word),
                    f"{word.contribution:.6f}",
                )
            )


def json_lines(
    explanations: Iterable[tuple[int, Explanation]],
    label_names: tuple[str, ...],
    layers: tuple[int, ...],
) -> Iterator[str]:
    """One object per line: margins, words with places, layers and errors."""
    for number, item in explanations:
        by_layer = item.features.sum(axis=1).tolist()
        value = {
            "id": number,
            "label": item.label,
            "margin": item.margin,
            "probabilities": dict(
                zip(label_names, item.probabilities.tolist(), strict=True)
            ),
            "words_baseline": item.words_baseline,
            "words": word_objects(item.text, item.words),
            "words_error": item.words_error,
            "image_baseline": item.image_baseline,
            "layers": dict(zip(map(str, layers), by_layer, strict=True)),
            "pixels_error": item.pixels_error,
            "text": formats.encodable(item.text),
        }
        yield json.dumps(value, ensure_ascii=False) + "\n"


Format = Callable[
    [Iterable[tuple[int, Explanation]], tuple[str, ...], tuple[int, ...]],
    Iterator[str],
]
FORMATS: dict[str, Format] = {
    "table": table,
    "csv": comma_separated,
    "jsonl": json_lines,
}


def word_objects(text: str, words: Sequence[Word]) -> list[dict[str, Any]]:
    """The words of a text as JSON objects."""
    return [
        {
            "start": word.start,
            "end": word.end,
            "word": _word(text, word),
            "contribution": word.contribution,
        }
        for word in words
    ]


def _word(text: str, word: Word) -> str:
    return formats.encodable(text[word.start : word.end])


def bars(names: Sequence[str], values: Sequence[float]) -> Iterator[str]:
    """Lines of a name, a number and a bar; all bars on one scale."""
    width = max(map(len, names), default=0)
    largest = max(map(abs, values), default=0.0) or 1.0
    for name, value in zip(names, values, strict=True):
        bar = ("+" if value > 0 else "-") * round(_BAR * abs(value) / largest)
        yield f"    {name:<{width}}  {value:+.3f}  {bar}".rstrip() + "\n"


def shown_text(text: str, words: Sequence[Word]) -> str:
    """The text on one line; in a terminal, words have backgrounds."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return formats.printable(text)
    largest = max((abs(word.contribution) for word in words), default=0)
    parts = []
    position = 0
    for word in words:
        parts.append(_on_one_line(text[position : word.start]))
        shown = _on_one_line(text[word.start : word.end])
        share = abs(word.contribution) / largest if largest else 0
        if share >= _WEAKEST:
            colours = _FOR if word.contribution > 0 else _AGAINST
            colour = colours[min(int(share * len(colours)), len(colours) - 1)]
            shown = f"\x1b[30;48;5;{colour}m{shown}\x1b[0m"
        parts.append(shown)
        position = word.end
    parts.append(_on_one_line(text[position:]))
    return "".join(parts).strip()


def _on_one_line(text: str) -> str:
    """The text without characters that control a terminal, ends kept."""
    blanks = re.sub(r"\s+", " ", formats.encodable(text))
    return "".join(c if c.isprintable() else "?" for c in blanks)
