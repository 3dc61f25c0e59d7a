"""Parts of the figures of explanations: coloured words, and bars."""

import re
from collections.abc import Iterator, Sequence

import matplotlib.axes
import numpy as np

from text2image import figure_text
from text2image.deepinsight import figures
from trainers.explanations.explanation import Word

# Characters per line, and lines after which the rest of a text is left out.
_COLUMNS = 96
_MOST_LINES = 14
_POINTS = 10.0  # size of a character; DejaVu Sans Mono is 0.602 of it wide
_CHARACTER = 0.602 * _POINTS
_LINE = 1.9 * _POINTS
# Words are read on their colour: neither end of the scale is that dark.
_DARKEST = 0.32
_PARTS = re.compile(r"\S+|\s+")

# Start in characters, what is written, and its contribution if it is a word.
Piece = tuple[int, str, float | None]


def lines_of(text: str, words: Sequence[Word]) -> list[list[Piece]]:
    """Breaks a text into lines of pieces; the last may be an ellipsis."""
    return list(_lines(text, words))


def height_of(lines: Sequence[Sequence[Piece]]) -> float:
    """Height of lines in inches."""
    return _LINE * len(lines) / 72


def draw_words(
    axes: matplotlib.axes.Axes,
    lines: Sequence[Sequence[Piece]],
    words: Sequence[Word],
) -> None:
    """Draws the lines of a text, each word on its colour.

    Args:
        axes: Axes to draw on; the frame is turned off.
        lines: What `lines_of` returns.
        words: Words whose largest contribution has the darkest colour.
    """
    axes.axis("off")
    limit = max((abs(word.contribution) for word in words), default=1.0)
    for number, line in enumerate(lines):
        for column, shown, contribution in line:
            share = (contribution or 0.0) / max(limit, 1e-12)
            axes.annotate(
                shown,
                (0, 1),
                xycoords="axes fraction",
                xytext=(_CHARACTER * column, -_LINE * (number + 0.8)),
                textcoords="offset points",
                family=["monospace", "sans-serif"],
                fontsize=_POINTS,
                parse_math=False,
                annotation_clip=False,
                bbox=None
                if contribution is None
                else {
                    "facecolor": figures.DIVERGING(0.5 + _DARKEST * share),
                    "edgecolor": "none",
                    "boxstyle": "square,pad=0.06",
                },
            )


def draw_bars(
    axes: matplotlib.axes.Axes,
    names: Sequence[str],
    values: np.ndarray,
    title: str,
) -> None:
    """Draws contributions as bars from 0, the first at the top.

    Args:
        axes: Axes to draw on.
        names: Name of each bar.
        values: Contributions, in the order of the names.
        title: Title of the axes.
    """
    limit = np.abs(values).max(initial=1e-12)
    axes.barh(
        range(len(names)),
        values,
        color=figures.DIVERGING(0.5 + 0.4 * np.sign(values)),
    )
    axes.axvline(0, color="0.3", linewidth=0.8)
    axes.set_yticks(range(len(names)), labels=names)
    axes.invert_yaxis()
    axes.set_xlim(-1.1 * limit, 1.1 * limit)
    axes.set_title(title, fontsize="small")
    axes.tick_params(labelsize="small")


def _lines(text: str, words: Sequence[Word]) -> Iterator[list[Piece]]:
    line: list[Piece] = []
    column = count = 0
    for string, contribution in _pieces(text, words):
        shown = figure_text.label(string, _COLUMNS - 2).replace(r"\$", "$")
        size = figure_text.width(shown)
        column += string[:1].isspace()
        if column + size > _COLUMNS:
            count += 1
            if count == _MOST_LINES:
                line.append((column, "…", None))
                break
            yield line
            line, column = [], 0
        if shown:
            line.append((column, shown, contribution))
        column += size
    yield line


def _pieces(
    text: str, words: Sequence[Word]
) -> Iterator[tuple[str, float | None]]:
    """Yields the words of a text and what is between them."""
    end = 0
    for word in words:
        for part in _PARTS.findall(text[end : word.start]):
            yield part, None
        yield text[word.start : word.end], word.contribution
        end = word.end
    for part in _PARTS.findall(text[end:]):
        yield part, None
