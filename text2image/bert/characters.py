"""What the tokenizers library does to each character of Unicode.

`data/characters.json` holds the facts, written by `tools.write_characters` from
the library itself: its parts follow different versions of Unicode. They are
composed here to one image per character, for any steps of a normaliser.
"""

import dataclasses
import functools
import json
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np

from text2image import assets
from text2image.bert import wordpiece

# Code points: those of Unicode, and one that stands for all above them, which
# no step changes (`added_tokens` uses them).
NUM_CODES = 0x110000
DOMAIN = NUM_CODES + 1
_HANGUL = range(0xAC00, 0xD7A4)

# Bits of `classes`; the canonical combining class is above them.
BLANK, ISOLATED, WORD = 1, 2, 4
COMBINING_SHIFT = 8


@functools.cache
def _facts() -> dict[str, Any]:
    return json.loads(assets.characters().read_text("utf-8"))


def members(name: str) -> np.ndarray:
    """Returns whether each code point is in a set, `(DOMAIN,)` bool.

    Args:
        name: One of the sets in `data/characters.json`.
    """
    chosen = np.zeros(DOMAIN, bool)
    for first, last in _facts()[name]:
        chosen[first : last + 1] = True
    return chosen


def combining_classes() -> np.ndarray:
    """Returns canonical combining classes, `(DOMAIN,)` int32; 0: none."""
    values = np.zeros(DOMAIN, np.int32)
    for number, ranges in _facts()["classes"].items():
        for first, last in ranges:
            values[first : last + 1] = int(number)
    return values


def classes(*, digits: bool) -> np.ndarray:
    """Returns what a pre-tokeniser needs to know, `(DOMAIN,)` int32.

    Args:
        digits: Whether each digit is a word.

    Returns:
        Bits `BLANK` (between words), `ISOLATED` (a word of its own) and `WORD`
        (a letter to tokens with `single_word`), and the combining class.
    """
    isolated = members("punctuation")
    if digits:
        isolated = isolated | members("digits")
    isolated[NUM_CODES] = True
    return (
        BLANK * members("blanks")
        + ISOLATED * isolated
        + WORD * members("word_characters")
        + (combining_classes() << COMBINING_SHIFT)
    ).astype(np.int32)


@dataclasses.dataclass(frozen=True)
class Images:
    """The characters that each code point becomes.

    Attributes:
        values: Code points of all images, one after the other, `(V,)` int32.
        splits: Where each image begins, and V, `(DOMAIN + 1,)` int64.
    """

    values: np.ndarray
    splits: np.ndarray

    def then(self, after: "Images") -> "Images":
        """Returns the images of these images."""
        lengths = np.diff(after.splits)[self.values]
        total = np.concatenate([[0], np.cumsum(lengths)])
        within = np.arange(total[-1]) - np.repeat(total[:-1], lengths)
        begins = np.repeat(after.splits[self.values], lengths)
        return Images(after.values[begins + within], total[self.splits])


def identity() -> Images:
    """Returns the images of a normaliser without steps."""
    return Images(np.arange(DOMAIN, dtype=np.int32), np.arange(DOMAIN + 1))


def images(steps: tuple[str, ...]) -> Images:
    """Returns the images after steps of a normaliser, see `wordpiece`.

    The order of combining marks, to which NFD also sees, is not part of it.
    """
    composed = identity()
    for step in steps:
        composed = composed.then(_STEPS[step]())
    return composed


def _from_dict(changed: dict[int, list[int]]) -> Images:
    lengths = np.ones(DOMAIN, np.int64)
    for code, image in changed.items():
        lengths[code] = len(image)
    splits = np.concatenate([[0], np.cumsum(lengths)])
    values = np.repeat(np.arange(DOMAIN, dtype=np.int32), lengths)
    for code, image in changed.items():
        values[splits[code] : splits[code + 1]] = image
    return Images(values, splits)


def _without(deleted: np.ndarray) -> Images:
    splits = np.concatenate([[0], np.cumsum(~deleted)])
    return Images(np.flatnonzero(~deleted).astype(np.int32), splits)


@functools.cache
def _clean() -> Images:
    kept = _without(members("deleted"))
    spaces = members("spaces")[kept.values]
    return Images(np.where(spaces, ord(" "), kept.values), kept.splits)


@functools.cache
def _chinese() -> Images:
    chosen = members("chinese")
    splits = np.concatenate([[0], np.cumsum(np.where(chosen, 3, 1))])
    values = np.full(splits[-1], ord(" "), np.int32)
    values[splits[:-1] + chosen] = np.arange(DOMAIN)
    return Images(values, splits)


@functools.cache
def _nfd() -> Images:
    stated = _facts()["decompositions"].items()
    hangul = ((c, unicodedata.normalize("NFD", chr(c))) for c in _HANGUL)
    return _from_dict(
        {int(code): image for code, image in stated}
        | {code: [*map(ord, image)] for code, image in hangul}
    )


@functools.cache
def _lowercase() -> Images:
    stated = _facts()["lowercase"].items()
    return _from_dict({int(code): image for code, image in stated})


_STEPS: dict[str, Callable[[], Images]] = {
    wordpiece.CLEAN: _clean,
    wordpiece.CHINESE: _chinese,
    wordpiece.NFD: _nfd,
    wordpiece.STRIP_NONSPACING: lambda: _without(members("nonspacing")),
    wordpiece.STRIP_MARKS: lambda: _without(members("marks")),
    wordpiece.LOWERCASE: _lowercase,
}
