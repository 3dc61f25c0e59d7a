"""fastText's lines (`__label__pos A gripping film`) as rows."""

import re
from collections.abc import Iterator

from text2image.corpora import line_spans
from text2image.corpora.rows import NOT_A_ROW, Fault, Row
from text2image.corpora.spans import WHOLE, Span
from text2image.corpora.table import Table
from text2image.corpora.text_files import TextFile

PREFIX = "__label__"
# Labels are words anywhere in a line; fastText itself writes them first.
_LABEL = re.compile(rf"(?:^|(?<=\s)){PREFIX}(\S+)\s*")


def is_fasttext(file: TextFile) -> bool:
    """Whether the first line that is not blank begins with a label."""
    first = next((line for line in file.sample if line.strip()), "")
    return first.lstrip().startswith(PREFIX)


def open_fasttext(file: TextFile, prefix: str = "") -> Table:
    """Opens a file of fastText's lines; columns are `label` and `text`.

    Args:
        file: The examined file.
        prefix: Beginning of the rows' keys.
    """

    def read(span: Span = WHOLE) -> Iterator[Row | Fault]:
        with file.lines(span.start, span.first) as lines:
            for number, line in zip(span.numbers, lines, strict=False):
                if lines.undecodable:
                    yield lines.fault(line)
                elif line.strip():
                    yield _row(file.name, number, line.strip(), prefix)

    return Table(
        ("label", "text"),
        read,
        (f"lines of {PREFIX}CLASS text",),
        spans=line_spans.spans_of_lines(file, read),
    )


def _row(name: str, number: int, line: str, prefix: str) -> Row | Fault:
    place = f"{name}, line {number}"
    labels = _LABEL.findall(line)
    if len(labels) > 1:
        raise ValueError(
            f"{place}: expected one {PREFIX} per line. Received: {labels}. A "
            "text has one class here: multi-label data cannot be used."
        )
    if not labels:
        return Fault(
            place,
            NOT_A_ROW,
            f"{place}: expected a line that begins with {PREFIX}. Received: "
            f"{line[:60]!r}",
            line,
        )
    text = _LABEL.sub("", line, count=1).strip()
    return Row(place, f"{prefix}{number}", {"label": labels[0], "text": text})
