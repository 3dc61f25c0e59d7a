"""Markdown of reports: tables, figures with captions, mean and deviation."""

import re
import statistics
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

# Join letters of Indic and Arabic words, and parts of emoji.
_JOINERS = "\u200c\u200d"
# Factor of the values to digits after the point: both show 1e-4.
_DIGITS = {1: 4, 100: 2}
# ASCII punctuation that some renderer takes for markup, HTML, mathematics, a
# link (`http://`) or an emoji (`:smile:`); a backslash makes each itself.
# `table` does this for `|`.
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#~^$&@]|:(?=\S))")
# Inside a word, as in `top_up`, it is itself everywhere.
_UNDERSCORE = re.compile(r"(?<=\w)\\_(?=\w)")


def plain(text: str, most: int | None = None) -> str:
    r"""Escapes a text so that Markdown shows it as it is.

    Markup and HTML become inert; control characters and marks of direction,
    which could turn round the rest of a line, are written as `\u202e`.

    Args:
        text: A class name, or another text that is not ours.
        most: Most characters; the middle of a longer text becomes `…`.
    """
    text = " ".join(text.split())
    if most is not None and len(text) > most:
        end = (most - 1) // 3
        text = f"{text[: most - 1 - end]}…{text[-end:]}"
    shown = "".join(
        f"\\u{ord(character):04x}"
        if unicodedata.category(character) in ("Cc", "Cf", "Cs")
        and character not in _JOINERS
        else character
        for character in text
    )
    return _UNDERSCORE.sub("_", _MARKUP.sub(r"\\\1", shown))


def count(number: int, noun: str) -> str:
    """`1 epoch`, `2 epochs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def table(
    header: Sequence[object], rows: Iterable[Sequence[object]]
) -> list[str]:
    r"""Builds a table; a `|` in a cell becomes `\|`, a line break a space.

    Args:
        header: Names of the columns.
        rows: Cells of each row, one per column.

    Returns:
        Lines of Markdown.

    Raises:
        ValueError: If a row has more or fewer cells than the header.
    """
    lines = [_line(header), "|" + " --- |" * len(header)]
    for row in rows:
        if len(row) != len(header):
            raise ValueError(
                f"A row must have {len(header)} cells, one per column. "
                f"Received: {len(row)}: {list(row)}"
            )
        lines.append(_line(row))
    return lines


def _line(cells: Sequence[object]) -> str:
    escaped = (
        " ".join(str(cell).splitlines()).replace("|", r"\|") for cell in cells
    )
    return f"| {' | '.join(escaped)} |"


def document(lines: Iterable[str]) -> str:
    """Joins lines to a file's text, with single empty lines between parts."""
    text: list[str] = []
    for line in lines:
        if line or (text and text[-1]):
            text.append(line)
    return "\n".join(text).rstrip("\n") + "\n"


def figures(captions: Mapping[str, str]) -> list[str]:
    """Shows image files, each above its caption.

    Args:
        captions: File name, relative to the report, to caption.

    Returns:
        Lines of Markdown, with an empty line before each paragraph.
    """
    return [
        line
        for name, caption in captions.items()
        for line in ("", f"![{name}]({name})", "", caption)
    ]


def mean_and_deviation(values: Sequence[float], *, scale: int = 1) -> str:
    """`0.8123 ± 0.0012`: mean and sample deviation; of one value no deviation.

    Args:
        values: At least one value.
        scale: Factor of the values: 1 for shares, 100 for percent.
    """
    digits = _DIGITS[scale]
    text = f"{scale * statistics.fmean(values):.{digits}f}"
    if len(values) > 1:
        text += f" ± {scale * statistics.stdev(values):.{digits}f}"
    return text
