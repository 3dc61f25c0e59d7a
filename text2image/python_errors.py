"""Errors in the words of Python: `scaler='norm1'` for `--scaler=norm1`."""

import contextlib
import re
from collections.abc import Iterator

# A command, which stays as it is typed, or a flag with or without a value.
_COMMAND_OR_FLAG = re.compile(
    r"python -m [\w.]+(?: --?\w+(?:=\S+)?)*"
    r"|--(\w+)(?:=('[^']*'|[^\s,;:)]*[^\s,;:.)]))?"
)
_LITERALS = {"true": "True", "false": "False"}
_NUMBER = re.compile(r"-?[\d.]+(e-?\d+)?")


@contextlib.contextmanager
def in_python_terms() -> Iterator[None]:
    """Names parameters instead of flags in the message of an error."""
    try:
        yield
    except Exception as error:
        if len(error.args) == 1 and isinstance(error.args[0], str):
            error.args = (translate(error.args[0]),)
        raise


def translate(message: str) -> str:
    """Returns a message with every flag as a parameter of Python."""
    return _COMMAND_OR_FLAG.sub(_parameter, message)


def _parameter(match: re.Match[str]) -> str:
    name, value = match.groups()
    if name is None:
        return match[0]
    if value is None:
        return f"`{name}`"
    is_plain = _NUMBER.fullmatch(value) or value[0] == "'" or value.isupper()
    shown = value if is_plain else _LITERALS.get(value, repr(value))
    return f"`{name}={shown}`"
