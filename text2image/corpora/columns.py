"""Which columns hold the text and the label, and their values in a row."""

import dataclasses
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from text2image.corpora import suggested_columns
from text2image.corpora.rows import (
    EMPTY_TEXT,
    NOT_A_ROW,
    NOT_DECODABLE,
    Fault,
    Reading,
    Row,
)

TEXTS = (
    *("text", "review", "sentence", "content", "body", "tweet", "message"),
    "comment",
)
LABELS = ("label", "sentiment", "category", "class", "target", "intent")
NAMES = (*TEXTS, *LABELS)
JOINT = "\n"  # between the texts of several columns
_LONGEST_NAME = 40
_MOST_NAMES = 20


@dataclasses.dataclass(frozen=True)
class Choice:
    """The columns that are read.

    Attributes:
        texts: Columns of the text, as the source spells them.
        label: Column of the label; `""` if none is read.
        guesses: What was found without a flag, a line each.
    """

    texts: tuple[str, ...]
    label: str
    guesses: tuple[str, ...] = ()

    @property
    def text_key(self) -> str:
        """The `--text_key` that chooses these columns."""
        return ",".join(self.texts)

    def text(self, row: Row) -> str | Fault:
        """The text of a row."""
        first = row.values.get(self.texts[0])
        if len(self.texts) == 1 and type(first) is str:
            return first  # the usual case, quickly
        texts = []
        for key in self.texts:
            text = value(row.values, key)
            if isinstance(text, bytes):
                try:
                    text = text.decode()
                except UnicodeDecodeError as error:
                    return _fault(
                        row, NOT_DECODABLE, f"expected UTF-8 ({error})"
                    )
            if text is None and len(self.texts) > 1:
                continue
            if not isinstance(text, str):
                received = "null" if text is None else type(text).__name__
                cure = "Remove the row or give it a text."
                if isinstance(text, Mapping) and text:
                    cure = f"Name a field, as in --text_key={key}.{min(text)}"
                return _fault(
                    row,
                    EMPTY_TEXT if text is None else NOT_A_ROW,
                    f"`{key}` must be a string. Received: {received}. {cure}",
                )
            texts.append(text)
        return JOINT.join(texts)

    def label_of(self, row: Row) -> Any:
        """The label of a row; `None` if it has none."""
        label = value(row.values, self.label) if self.label else None
        if isinstance(label, bytes):
            return label.decode(errors="backslashreplace")
        return label


def choose(
    name: str,
    names: Sequence[str],
    reading: Reading,
    *,
    has_header: bool = False,
    is_labelled: bool = True,
    rows: Callable[[], Iterable[Row | Fault]] = tuple,
) -> Choice:
    """Chooses the columns of text and label.

    Args:
        name: Name of the source, for messages.
        names: Its columns.
        reading: The flags.
        has_header: Whether the names are a line of the file, which may be a
            row instead.
        is_labelled: Whether a label is needed.
        rows: Starts a stream of rows, by which an error suggests columns.

    Raises:
        ValueError: If a column that was asked for does not exist, or not
            exactly one column is named as one of text or label; names all
            candidates and flags.
    """
    texts = _asked(name, names, "text_key", reading.text_key)
    labels: tuple[str, ...] = ()
    if is_labelled and reading.label_key:
        _refuse_several(name, names, reading.label_key)
        labels = (find(name, names, "label_key", reading.label_key),)
    guesses = []
    if not texts:
        texts = _named(names, TEXTS, labels)
        guesses.append(("text", "text_key", texts))
    if is_labelled and not labels:
        labels = _named(names, LABELS, texts)
        guesses.append(("label", "label_key", labels))
    missing = [guess for guess in guesses if len(guess[2]) != 1]
    if missing:
        suggested = suggested_columns.suggest(
            rows(), texts or names, (labels or names) if is_labelled else ()
        )
        raise ValueError(_which(name, names, missing, has_header, suggested))
    return Choice(
        texts,
        labels[0] if labels else "",
        tuple(
            f"{kind}: column {found[0]!r}; overrule with --{flag}"
            for kind, flag, found in guesses
            if found != (kind,)
        ),
    )


def is_known(name: str, reading: Reading) -> bool:
    """Whether only a header has a cell like this."""
    asked = (reading.text_key, *reading.text_key.split(","), reading.label_key)
    return folded(name) in {
        *TEXTS,
        *LABELS,
        *(folded(key) for key in asked if key),
    }


def find(name: str, names: Sequence[str], flag: str, asked: str) -> str:
    """Finds the column that a flag asks for.

    Args:
        name: Name of the source, for messages.
        names: Its columns.
        flag: Name of the flag.
        asked: Its value: a name in any case, or a nested field `a.b`.

    Returns:
        The column as the source spells it.

    Raises:
        ValueError: If none or several are named so.
    """
    matches = _matches(names, asked)
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise ValueError(
            f"{name}: {asked!r} could be each of {shown(matches)}. Spell "
            f"--{flag} as one of them."
        )
    raise ValueError(
        f"{name}: no {asked!r} among {shown(names)}. Name the right one with "
        f"--{flag}."
    )


def folded(name: str) -> str:
    """A name as it is compared: without blanks around it and without case."""
    return name.strip().strip("\ufeff").strip().casefold()


def value(values: Mapping[str, Any], key: str) -> Any:
    """Value of a column, or of the nested field `a.b` or `a/b`.

    `None` if there is none.
    """
    if key in values:
        return values[key]
    for separator in "./":
        head, is_nested, rest = key.partition(separator)
        if is_nested and isinstance(values.get(head), Mapping):
            return value(values[head], rest)
    return None


def shown(names: Iterable[str]) -> str:
    """Names for a message, long ones and long lists shortened."""
    short = [
        repr(n if len(n) <= _LONGEST_NAME else n[: _LONGEST_NAME - 1] + "…")
        for n in names
    ]
    more = len(short) - _MOST_NAMES
    return ", ".join(short[:_MOST_NAMES]) + (
        f" and {more} more" if more > 0 else ""
    )


def _refuse_several(name: str, names: Sequence[str], asked: str) -> None:
    """Refuses several label columns, one per class of a multi-label task."""
    parts = asked.split(",")
    if len(parts) > 1 and not _matches(names, asked):
        raise ValueError(
            f"{name}: several labels per text (multi-label) are not supported. "
            f"Name one column with --label_key. Received: {asked!r}"
        )


def _asked(
    name: str, names: Sequence[str], flag: str, asked: str
) -> tuple[str, ...]:
    if not asked:
        return ()
    parts = asked.split(",")
    if len(parts) == 1 or _matches(names, asked):
        return (find(name, names, flag, asked),)
    return tuple(find(name, names, flag, part) for part in parts)


def _matches(names: Sequence[str], asked: str) -> list[str]:
    """Columns that a key means: exactly, by folded name, or by its head."""
    if asked in names:
        return [asked]
    alike = [name for name in names if folded(name) == folded(asked)]
    if alike:
        return alike
    for separator in "./":
        head, is_nested, rest = asked.partition(separator)
        if is_nested and rest and head in names:
            return [asked]
    return []


def _named(
    names: Sequence[str], known: Sequence[str], taken: Sequence[str]
) -> tuple[str, ...]:
    return tuple(n for n in names if folded(n) in known and n not in taken)


def _which(
    name: str,
    names: Sequence[str],
    missing: Sequence[tuple[str, str, tuple[str, ...]]],
    has_header: bool,
    suggested: tuple[str, str],
) -> str:
    """The error of columns that are not found, or several."""
    wanted = " and ".join(
        f"one column named like a {kind}, not {shown(found)}"
        if found
        else f"a column named like a {kind}"
        for kind, _, found in missing
    )
    flags = " ".join(
        f"--{flag}={shlex.quote(column)}"
        if column and len(column) <= _LONGEST_NAME
        else f"--{flag}=NAME"
        for flag, column in zip(
            ("text_key", "label_key"), suggested, strict=True
        )
        if flag == "text_key" or suggested[1] or "label" in wanted
    )
    columns = "text" if "label" not in wanted else "label,text"
    header = (
        " If the first line is a row and no header, name the columns in "
        f"their order, as in --columns={columns}."
        if has_header
        else ""
    )
    return (
        f"{name}: expected {wanted}. Received: {shown(names)}. Name the "
        f"columns, as in {flags}; several texts, as in "
        f"--text_key=title,description, are joined.{header}"
    )


def _fault(row: Row, cause: str, message: str) -> Fault:
    return Fault(
        row.place, cause, f"{row.place}: {message}", str(dict(row.values))
    )
