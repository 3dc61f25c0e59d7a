"""Parsers of the values of flags, by the type of a setting."""

import argparse
import difflib
import os
import re
from collections.abc import Callable, Collection
from typing import Any, TypeVar

N = TypeVar("N", int, float)
_LONGEST = 80  # characters of a number that an error repeats


def one_of(choices: Collection[str]) -> Callable[[str], str]:
    """Returns a parser of one of a few strings; it suggests the nearest."""

    def check(text: str) -> str:
        if text not in choices:
            raise argparse.ArgumentTypeError(
                f"must be one of {', '.join(choices)}. Received: {text}."
                + suggestion(text, choices)
            )
        return text

    return check


def suggestion(word: str, known: Collection[str], before: str = "") -> str:
    """Suggests the nearest known word, if one is near; else empty."""
    near = difflib.get_close_matches(word, known, n=1)
    return f" Did you mean {before}{near[0]}?" if near else ""


def _boolean(text: str) -> bool:
    values = {"true": True, "1": True, "false": False, "0": False}
    if text.lower() not in values:
        raise argparse.ArgumentTypeError(
            f"must be true or false. Received: {text}"
        )
    return values[text.lower()]


def _whole_number(text: str) -> int:
    return _parsed(text, int, "a whole number")


def _number(text: str) -> float:
    return _parsed(text, float, "a number")


def _parsed(text: str, kind: type[N], noun: str) -> N:
    """Parses a number; Python also takes the digits of other scripts."""
    try:
        if text.isascii():
            return kind(text)
    except ValueError:
        pass
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    raise argparse.ArgumentTypeError(f"must be {noun}. Received: {shown}")


def _text(text: str) -> str:
    """Expands `~/`, which no shell does after an equals sign."""
    return os.path.expanduser(text) if re.match(r"~[\w.-]*/", text) else text


def directory(text: str) -> str:
    """Expands a `~` alone too, which is a legal delimiter but no directory."""
    return os.path.expanduser(text)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


# By the type of a setting's default.
PARSERS: dict[type, Callable[[str], Any]] = {
    bool: _boolean,
    int: _whole_number,
    float: _number,
    str: _text,
    tuple: _names,
}
METAVARS = {
    bool: "true|false",
    int: "N",
    float: "X",
    str: "TEXT",
    tuple: "A,B,...",
}
