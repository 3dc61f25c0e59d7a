"""Labels as readers see them: what is visible, what looks the same."""

import decimal
import re
import unicodedata
from collections.abc import Collection, Mapping

# Characters that leave no mark: controls, and what Unicode calls "default
# ignorable" (DerivedCoreProperties.txt, 16.0), without the tags that tell
# flags apart.
_INVISIBLE = (
    "\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0100-\U000e01ef"
)
_VISIBLE = re.compile(f"[^\\s{_INVISIBLE}]")
# White space other than the ordinary space is escaped, too.
_TO_ESCAPE = re.compile(f"[{_INVISIBLE}]|[^\\S ]")
_REMOVED = re.compile(f"(?!\\s)[{_INVISIBLE}]")
# Dashes and quotes that word processors put for the typewriter's.
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys("\u2018\u2019", "'"),
        **dict.fromkeys("\u201c\u201d", '"'),
    }
)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)
_SHOWN = 10  # classes that a message lists


def visible(text: str) -> bool:
    """Whether any character of a text leaves a mark."""
    return _VISIBLE.search(text) is not None


def shown(label: str) -> str:
    """Quotes a label; characters that leave no mark become escapes."""
    return "'" + _TO_ESCAPE.sub(_escaped, label) + "'"


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def listed(labels: Collection[str]) -> str:
    """Lists labels for a message, at most ten of them."""
    words = [shown(label) for label in list(labels)[:_SHOWN]]
    more = len(labels) - len(words)
    return ", ".join(words) + (f" and {more} more" if more else "")


def sized(counts: Mapping[str, int]) -> str:
    """Lists labels with their number of rows, at most ten of them."""
    words = [f"{shown(label)} ({n})" for label, n in counts.items()]
    more = len(words) - _SHOWN
    return ", ".join(words[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def counted(counts: Mapping[str, int]) -> str:
    """Lists classes with their sizes; of more than ten, the extremes."""
    if len(counts) <= _SHOWN:
        entries = (f"{shown(name)}: {n}" for name, n in counts.items())
        return "{" + ", ".join(entries) + "}"
    largest = max(counts, key=lambda name: counts[name])
    smallest = min(counts, key=lambda name: counts[name])
    return (
        f"{sum(counts.values())} in {len(counts)} classes (from "
        f"{counts[smallest]} in {shown(smallest)} to {counts[largest]} in "
        f"{shown(largest)})"
    )


def fold_label(label: str) -> str:
    """Folds what a reader does not see, or would not take for a difference.

    Case, blanks, Unicode's compatible forms (NFKC), characters that leave no
    mark, typographic dashes and quotes, and the form of a number (`1.0`,
    `01`).
    """
    folded = unicodedata.normalize("NFKC", label).translate(_PLAIN)
    folded = " ".join(_REMOVED.sub("", folded).casefold().split())
    if NUMBER.fullmatch(folded):
        # Adding 0 turns -0 into 0; `f` writes no exponent.
        return f"{decimal.Decimal(folded).normalize() + 0:f}"
    return folded
