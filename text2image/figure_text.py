"""Names and texts of other people's data, as matplotlib can draw them.

A class may be called `$x_1$`, `<b>`, 负面, or have 300 characters. In a figure
nothing of this is mathematics, a missing glyph is a box, and a long name is
short.
"""

import collections
import functools
import textwrap
import unicodedata
from collections.abc import Sequence

import matplotlib
import matplotlib.figure
import matplotlib.font_manager
import matplotlib.text

_PLACEHOLDER = "□"  # the glyph of a missing glyph, U+25A1
_ELLIPSIS = "…"
# Controls, marks of direction and of byte order, lone surrogates.
_INVISIBLE = ("Cc", "Cf", "Cs")
# Join letters of Indic and Arabic words, and parts of emoji.
_JOINERS = "\u200c\u200d"
# matplotlib's own: a box for every character, and fonts of mathtext.
_NO_TEXT_FONTS = ("Last Resort", "STIXNonUnicode", "STIXSize", "cm")


def label(text: str, most: int = 40, wrap: int | None = None) -> str:
    r"""Converts a text to one that any figure can draw.

    White space becomes single blanks; control characters and marks of
    direction are left out; a character that no installed font has becomes
    `□`; a text that is too wide loses its middle to `…`; `$` is escaped, so
    that nothing is read as mathematics.

    Args:
        text: The text.
        most: Its greatest width in characters; Chinese, Japanese and Korean
            characters and most emoji count twice.
        wrap: Characters per line; by default the text is one line.
    """
    text = _shorten(_drawable(text), most)
    if wrap is not None:
        text = textwrap.fill(text, wrap)
    return text.replace("$", r"\$")


def class_labels(names: Sequence[str], most: int = 28) -> list[str]:
    """Converts class names to labels that differ and that figures can draw.

    A name that is mostly of characters that no installed font has becomes
    `class 12`, its number; names that look the same get their number too.

    Args:
        names: Class names in label order.
        most: Greatest width of a label, as in `label`.
    """
    labels = [
        f"class {number}" if _is_unreadable(name) else label(name, most)
        for number, name in enumerate(names)
    ]
    count = collections.Counter(labels)
    return [
        text if count[text] == 1 else f"{text} ({number})"
        for number, text in enumerate(labels)
    ]


def note_on_numbers(names: Sequence[str]) -> str:
    """Explains `class 12` in a caption; empty if `class_labels` gives none."""
    count = sum(map(_is_unreadable, names))
    if not count:
        return ""
    return (
        f" No installed font can show {count} of the {len(names)} class names:"
        " the figure has their numbers, counted from 0 in the order of the "
        "tables. Install a font for them, such as Noto Sans CJK."
    )


def set_fonts(figure: matplotlib.figure.Figure) -> matplotlib.figure.Figure:
    """Gives each text of a figure the fonts that have its characters.

    Returns:
        The same figure.
    """
    for text in figure.findobj(matplotlib.text.Text):
        fonts = _fonts_for(text.get_text())
        if fonts:
            text.set_fontfamily([*matplotlib.rcParams["font.family"], *fonts])
    return figure


def _drawable(text: str) -> str:
    """One line without invisible characters, boxes for missing glyphs."""
    shown = ""
    for character in " ".join(text.split()):
        category = unicodedata.category(character)
        has_font = _font_of(character) is not None
        if category in _INVISIBLE and not (has_font and character in _JOINERS):
            continue
        if not has_font and category == "Mn":
            continue  # an accent or a variation selector has no width
        shown += character if has_font else _PLACEHOLDER
    return shown.strip()


def _is_unreadable(name: str) -> bool:
    shown = _drawable(name).replace(" ", "")
    return not shown or 2 * shown.count(_PLACEHOLDER) >= len(shown)


def width(text: str) -> int:
    """Width of a text; Chinese characters and most emoji count twice."""
    return sum(
        2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def _shorten(text: str, most: int) -> str:
    """Replaces the middle of a text that is too wide; its end may tell more."""
    if width(text) <= most:
        return text
    first = last = text
    while width(last) > (most - 1) // 3:
        last = last[1:]
    while width(first) > most - 1 - width(last):
        first = first[:-1]
    return first.rstrip() + _ELLIPSIS + last.lstrip()


def _fonts_for(text: str) -> list[str]:
    """Families besides the default one that a text needs, each once."""
    fonts = (_font_of(character) for character in text if character != "\n")
    return list(dict.fromkeys(font for font in fonts if font))


@functools.cache
def _font_of(character: str) -> str | None:
    """A family with this character: empty for the default, `None` for none."""
    manager = matplotlib.font_manager
    if _has_glyph(manager.findfont(manager.FontProperties()), character):
        return ""
    return next(
        (family for family, path in _families() if _has_glyph(path, character)),
        None,
    )


@functools.cache
def _families() -> list[tuple[str, str]]:
    """Name and file of each family of text fonts, sans-serif ones first."""
    regular = {
        entry.name: entry.fname
        for entry in matplotlib.font_manager.fontManager.ttflist
        if entry.style == "normal"
        and str(entry.weight) in ("400", "normal", "regular")
        and not entry.name.startswith(_NO_TEXT_FONTS)
    }
    return sorted(
        regular.items(), key=lambda item: ("Sans" not in item[0], item[0])
    )


@functools.cache
def _characters(path: str) -> frozenset[int]:
    """Code points that a font file has an outline of."""
    try:
        font = matplotlib.font_manager.get_font(path)
        # Fonts of coloured bitmaps (emoji) cannot be drawn at any size.
        return frozenset(font.get_charmap()) if font.scalable else frozenset()
    except (OSError, RuntimeError):  # a damaged font file
        return frozenset()


def _has_glyph(path: str, character: str) -> bool:
    return ord(character) in _characters(path)
