"""JSON lines, arrays, objects one after the other, or one list in an object."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from text2image.corpora import columns, line_spans
from text2image.corpora.json_stream import JsonStream
from text2image.corpora.rows import NOT_A_ROW, Fault, Row
from text2image.corpora.spans import WHOLE, Span
from text2image.corpora.table import Table
from text2image.corpora.text_files import TextFile

_MOST_CONTENT = 1000  # characters of a faulty row that are kept
_ROWS_FOR_COLUMNS = 1000  # rows of which the keys are the columns


def open_json(file: TextFile, prefix: str = "") -> Table:
    """Opens a JSON file of any suffix; what it is, its first lines say.

    Args:
        file: The examined file.
        prefix: Beginning of the rows' keys.

    Raises:
        ValueError: If it is an object that does not have exactly one list of
            objects.
    """
    start = next((line for line in file.sample if line.strip()), "").lstrip()
    kind, key = "lines", ""
    if start.startswith("["):
        kind = "array"
    elif start.startswith("{") and not _is_lines(file, start):
        kind, key = _kind_of_objects(file)
    said = {
        "lines": () if _is_named_lines(file) else ("one JSON object per line",),
        "array": ("a JSON array",),
        "objects": ("JSON objects one after the other",),
        "member": (f"the JSON array in {key!r}",),
    }[kind]

    def read() -> Iterator[Row | Fault]:
        if kind == "lines":
            yield from _read_lines(file, prefix)
        else:
            yield from _read_stream(file, kind, key, prefix)

    spans = None
    if kind == "lines":
        spans = line_spans.spans_of_lines(
            file, lambda span: _read_lines(file, prefix, span)
        )
    return Table(_columns(file.name, read), read, said, spans=spans)


def _is_named_lines(file: TextFile) -> bool:
    name = file.path.name.lower()
    return ".jsonl" in name or ".ndjson" in name


def _is_lines(file: TextFile, start: str) -> bool:
    """Whether a file that begins with an object has one per line."""
    try:
        first = json.loads(start)
    except (ValueError, RecursionError):
        if file.is_cut:
            return len(file.sample) > 1 and start.rstrip().endswith("}")
        # A faulty first line, unless the object goes on in the next ones.
        text = "".join(file.sample).lstrip()
        try:
            end = json.JSONDecoder().raw_decode(text)[1]
        except (ValueError, RecursionError):
            return True
        return end <= len(start)
    if file.is_cut or sum(not line.isspace() for line in file.sample) > 1:
        return True
    is_row = any(columns.folded(key) in columns.NAMES for key in first)
    has_lists = any(_is_list_of_objects(item) for item in first.values())
    is_of_columns = first and all(
        isinstance(item, list | dict) for item in first.values()
    )
    return not is_of_columns and (is_row or not has_lists)


def _is_list_of_objects(value: Any) -> bool:
    return (
        isinstance(value, list) and bool(value) and isinstance(value[0], dict)
    )


def _kind_of_objects(file: TextFile) -> tuple[str, str]:
    """Whether objects follow each other, or one has a list of them.

    Returns:
        `objects` and `""`, or `member` and the key of the list.
    """
    kinds: dict[str, set[type]] = {}
    with file.chunks() as chunks:
        stream = JsonStream(file.name, chunks)
        stream.take("{")
        while stream.peek() != "}":
            key = stream.value()
            stream.take(":")
            if stream.peek() == "[":
                kinds[key] = {list, *(type(item) for _, item in stream.items())}
            else:
                kinds[key] = {type(stream.value())}
            if stream.peek() == ",":
                stream.take(",")
        stream.take("}")
        is_one = not stream.peek()
    lists = [key for key, found in kinds.items() if found == {list, dict}]
    if not is_one:
        return "objects", ""
    if len(lists) > 1:
        raise ValueError(
            f"{file.name}: expected one list of objects. Received an object "
            f"with the lists {lists}. Save the right one as a file."
        )
    is_row = any(columns.folded(key) in columns.NAMES for key in kinds)
    if lists and not is_row:
        return "member", lists[0]
    if kinds and all(found & {list, dict} for found in kinds.values()):
        raise ValueError(
            f"{file.name}: expected a list of objects, one per row. Received: "
            f"an object of columns, {columns.shown(kinds)}. Save rows, e.g. "
            'with pandas\' to_json(orient="records", lines=True).'
        )
    return "objects", ""


def _columns(
    name: str, read: Callable[[], Iterator[Row | Fault]]
) -> tuple[str, ...]:
    """Keys of the first rows, in the order in which they occur.

    Raises:
        ValueError: If there are rows and all of them are faulty.
    """
    names: dict[str, None] = {}
    fault = number = None
    for number, row in enumerate(read()):
        if number == _ROWS_FOR_COLUMNS:
            break
        if isinstance(row, Row):
            names |= dict.fromkeys(row.values)
        else:
            fault = fault or row
    if not names and fault:
        raise ValueError(fault.message)
    if not names and number is not None:
        raise ValueError(
            f"{name}: expected rows. Received: objects without keys."
        )
    return tuple(names)


def _read_lines(
    file: TextFile, prefix: str, span: Span = WHOLE
) -> Iterator[Row | Fault]:
    with file.lines(span.start, span.first) as lines:
        for number, line in zip(span.numbers, lines, strict=False):
            if lines.undecodable:
                yield lines.fault(line[:_MOST_CONTENT])
                continue
            if not line.strip():
                continue
            place = f"{file.name}, line {number}"
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield Fault(
                    place,
                    NOT_A_ROW,
                    f"{place}: expected one JSON object per line "
                    f"({_named(line, error)}).",
                    line[:_MOST_CONTENT],
                )
            else:
                yield _row(place, f"{prefix}{number}", value)


def _named(line: str, error: Exception) -> str:
    """A faulty line's error; a comma after the object is frequent."""
    if line.rstrip().endswith(","):
        return "a comma follows the object: remove it"
    return str(error)


def _read_stream(
    file: TextFile, kind: str, key: str, prefix: str
) -> Iterator[Row | Fault]:
    with file.chunks() as chunks:
        stream = JsonStream(file.name, chunks)
        for number, (line, value) in enumerate(
            _items(stream, kind, key), start=1
        ):
            place = f"{file.name}, item {number} (line {line})"
            yield _row(place, f"{prefix}{number}", value)


def _items(
    stream: JsonStream, kind: str, key: str
) -> Iterator[tuple[int, Any]]:
    if kind == "objects":
        while stream.peek():
            line = stream.line
            yield line, stream.value()
        return
    if kind == "member":
        stream.take("{")
        while stream.value() != key:
            stream.take(":")
            stream.value()
            stream.take(",")
        stream.take(":")
    yield from stream.items()
    if kind == "array" and stream.peek():
        raise stream.error("expected the end of the file", stream.peek())


def _row(place: str, key: str, value: Any) -> Row | Fault:
    if isinstance(value, dict):
        return Row(place, key, value)
    return Fault(
        place,
        NOT_A_ROW,
        f"{place}: expected a JSON object. Received: {type(value).__name__}",
        str(value)[:_MOST_CONTENT],
    )
