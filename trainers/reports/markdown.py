"""Markdown of reports: tables, figures with captions, mean and deviation."""

import statistics
from collections.abc import Iterable, Mapping, Sequence

# Factor of the values to digits after the point: both show 1e-4.
_DIGITS = {1: 4, 100: 2}


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
