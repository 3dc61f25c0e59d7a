"""Files of rows, read as the corpora read them."""

from text2image.corpora import columns, row_sources
from text2image.corpora.rows import Fault, Reading


def write(path, content, encoding="utf-8"):
    """Writes bytes, or a string without translating its line ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        content = content.encode(encoding)
    path.write_bytes(content)
    return path


def read(path, **flags):
    """Texts and labels of all rows, and the causes of the faulty ones."""
    reading = Reading(**flags)
    source = row_sources.open_rows(str(path), reading)
    choice = columns.choose(
        "corpus", source.columns, reading, has_header=source.has_header
    )
    items = []
    for part in source.parts.values():
        for row in part():
            text = row if isinstance(row, Fault) else choice.text(row)
            items.append(
                text.cause
                if isinstance(text, Fault)
                else (text, choice.label_of(row))
            )
    return items


def guesses(path, **flags):
    """What is said about the file."""
    return "\n".join(row_sources.open_rows(str(path), Reading(**flags)).guesses)
